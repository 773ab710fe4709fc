/// The last line of a run, for whoever reads a log: `N passed, N failed`.
export default class Summary {
  #count = { passed: 0, failed: 0 };

  onTestEnd(test, result) {
    if (result.status !== "skipped") this.#count[test.ok() ? "passed" : "failed"] += 1;
  }

  onEnd() {
    console.log(`${this.#count.passed} passed, ${this.#count.failed} failed`);
  }
}

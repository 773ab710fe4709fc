// Registers sw.js, and says in the page's root how far it is: data-offline is "storing", "ready" or "refused".
const say = (state) => (document.documentElement.dataset.offline = state);

async function register() {
  const registration = await navigator.serviceWorker.register("sw.js");
  if (registration.active) return say("ready");
  say("storing");
  const worker = registration.installing ?? registration.waiting;
  worker.addEventListener("statechange", () => {
    if (worker.state === "activated") say("ready");
    if (worker.state === "redundant") say("refused");
  });
}

if ("serviceWorker" in navigator) {
  register().catch((error) => {
    console.warn("The site will not work offline:", error);
    say("refused");
  });
} else {
  say("refused");
}

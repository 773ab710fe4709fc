// Says why the lab cannot open, in words that help: an old browser, one that is not let, a file that does not arrive. Plain
// script, for the browsers that it speaks of; the lab takes its element away once it runs.
(function () {
  /// One instruction of SIMD, in a module that does nothing else.
  var SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  var place = document.getElementById("loading");

  function say(text) {
    if (place && place.isConnected) place.querySelector("p").textContent = text;
  }

  function isNotLet(error) {
    return /content security policy|unsafe-eval|WebAssembly.*(blocked|disallowed)/i.test(error);
  }

  function explain(error) {
    if (isNotLet(error)) return say("The lab cannot start: this page, or this browser's settings, do not let WebAssembly run. A host must send script-src 'self' 'wasm-unsafe-eval'.");
    if (/memory/i.test(error)) return say("The lab cannot start: this browser has too little memory left. Close other tabs, then reload.");
    say("The lab cannot start: " + error + ". Reload the page; if that does not help, try another browser.");
  }

  if (typeof WebAssembly !== "object") {
    return say("The lab cannot start: this browser has no WebAssembly, or has switched it off. Any browser of the last three years has it.");
  }
  if (!WebAssembly.validate(new Uint8Array(SIMD))) {
    return say("The lab cannot start: this browser's WebAssembly has no SIMD. Update it: Chrome 91, Firefox 89 or Safari 16.4 have it.");
  }
  // Scripts and styles that do not arrive tell their element, not the window: hence while it is captured.
  addEventListener("error", function (event) {
    var file = event.target && (event.target.src || event.target.href);
    explain(file ? file + " could not be loaded" : String(event.message || event.error));
  }, true);
  addEventListener("unhandledrejection", function (event) { explain(String(event.reason)); });
  document.addEventListener("securitypolicyviolation", function (event) {
    if (event.effectiveDirective.indexOf("script-src") === 0) explain("content security policy: " + event.blockedURI);
  });
  setTimeout(function () { say("Opening the lab… its program is still on its way: a slow connection, or a file that does not arrive."); }, 5000);
})();

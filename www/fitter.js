// Starts the page's own program a second time, in a worker, where it fits laws (src/ui/fitter.rs). The page passes the
// addresses of its script and its wasm, which carry a hash in their names.
const given = new URL(self.location.href).searchParams;
const program = await import(given.get("script"));
await program.default({ module_or_path: given.get("wasm") });

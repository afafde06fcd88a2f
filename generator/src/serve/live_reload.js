// Keeps the page as new as its files: only `candor serve` adds this script, what is published has none.
const script = new URL(document.currentScript.src);
// The page that stands for a site which never was without mistakes.
const isReport = document.documentElement.hasAttribute("data-report");
let seen = script.searchParams.get("generation");
let events;
let overlay;

function clear() {
  overlay?.remove();
  overlay = undefined;
}

function restyle() {
  for (const link of document.querySelectorAll('link[rel="stylesheet"]')) {
    const address = new URL(link.href);
    if (address.host !== location.host) continue;
    address.searchParams.set("generation", seen);
    const fresh = link.cloneNode();
    // The former style goes when the new one is there, so that nothing flickers.
    fresh.addEventListener("load", () => link.remove(), { once: true });
    fresh.href = address;
    link.after(fresh);
  }
}

function show(report) {
  clear();
  overlay = document.createElement("div");
  overlay.id = "candor-mistakes";
  // A shadow tree, so that neither the page's styles nor these reach the other.
  const shadow = overlay.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(`
    section { position: fixed; inset: auto 0 0 0; z-index: 2147483647; max-height: 80vh; overflow: auto;
      padding: 1rem 1.5rem; background: #1b1b1b; color: #f5f5f5; border-top: .3rem solid #e0543e;
      font: 1rem/1.5 system-ui, sans-serif }
    h2 { margin: 0; font-size: 1.1rem }
    pre { margin: .75rem 0; white-space: pre-wrap; font: .875rem/1.5 ui-monospace, monospace }
    button { font: inherit; padding: .25rem .75rem }`);
  shadow.adoptedStyleSheets = [style];
  const section = document.createElement("section");
  section.setAttribute("role", "alert");
  const heading = document.createElement("h2");
  heading.textContent = "The site has mistakes. You see it as it was before.";
  const text = document.createElement("pre");
  text.textContent = report;
  const button = document.createElement("button");
  button.textContent = "Hide";
  button.addEventListener("click", clear);
  section.append(heading, text, button);
  shadow.append(section);
  document.documentElement.append(overlay);
}

addEventListener("pageshow", () => {
  events = new EventSource(`/_candor/events?generation=${seen}`);
  events.addEventListener("reload", () => location.reload());
  events.addEventListener("styles", (event) => {
    seen = event.lastEventId;
    clear();
    restyle();
  });
  events.addEventListener("mistakes", (event) => {
    if (!isReport) show(event.data);
    else if (event.lastEventId !== seen) location.reload();
  });
});
// Browsers keep a page that is left, and have six connections to a host: it must let go of its own.
addEventListener("pagehide", () => events.close());

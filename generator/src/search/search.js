
// Search on the page that lists all pages. It asks this site for the index, once somebody wants to search, and keeps
// nothing. What it says stands in the theme's template, in `data-` attributes.
(() => {
  "use strict";
  const box = document.querySelector("[data-search]");
  if (!box) return;
  const input = box.querySelector("input");
  const status = box.querySelector("[role=status]");
  const list = box.querySelector("ol");
  const item = box.querySelector("template").content;
  const SHOWN_MAX = 50;

  // The words of a text, as `search/mod.rs` finds them: a letter of a script that has no spaces is a word.
  const ALONE = "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u2e80-\\u30ff\\u3400-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";
  const LETTER = "[\\p{Alphabetic}\\p{M}\\p{N}_]";
  const WORD = new RegExp(`(?=${LETTER})[${ALONE}]|(?:(?=${LETTER})[^${ALONE}])+`, "gu");
  elasticlunr.tokenizer = (text) => String(text).normalize("NFC").toLowerCase().match(WORD) ?? [];

  let loading;
  const load = () => {
    loading ??= fetch(box.dataset.search)
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))))
      .then(({ pages, index }) => ({ pages, index: elasticlunr.Index.load(index) }));
    return loading;
  };

  const show = async () => {
    const query = input.value.trim();
    let found = [];
    let said = "";
    if (query) {
      try {
        const { pages, index } = await load();
        const wanted = { fields: { title: { boost: 4 }, text: { boost: 1 } }, bool: "AND", expand: true };
        found = index.search(query, wanted).map((result) => pages[result.ref]);
        said = box.dataset[["none", "one"][found.length] ?? "many"].replace("{count}", found.length);
      } catch {
        // The next key tries again.
        loading = undefined;
        said = box.dataset.failed;
      }
    }
    // Somebody may have typed on while the index came.
    if (input.value.trim() !== query) return;
    status.textContent = said;
    list.replaceChildren(
      ...found.slice(0, SHOWN_MAX).map(([url, title, description]) => {
        const entry = item.cloneNode(true);
        const link = entry.querySelector("a");
        link.href = url;
        link.textContent = title;
        const about = entry.querySelector("p");
        if (description) about.textContent = description;
        else about.remove();
        return entry;
      }),
    );
  };

  input.addEventListener("focus", () => load().catch(() => (loading = undefined)), { once: true });
  input.addEventListener("input", show);
  box.hidden = false;
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  if (input.value) show();
})();

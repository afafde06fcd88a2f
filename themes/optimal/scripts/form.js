// Checks a form before it is sent, sends it once, and keeps what was typed when the connection fails. It stores nothing.
{
  const say = (form, text) => (form.querySelector(".form-status").textContent = text);

  // The messages are the server's, which checks everything again.
  const mistakes = (form) =>
    [...form.querySelectorAll("[data-empty], [data-malformed]")].flatMap((field) => {
      const boxes = [...field.querySelectorAll("input")];
      const typed = boxes.length ? (boxes.some((box) => box.checked) ? "x" : "") : field.value.trim();
      const { empty, malformed } = field.dataset;
      if (!typed) return empty ? [[boxes[0] ?? field, empty]] : [];
      return malformed && !typed.includes("@") ? [[field, malformed]] : [];
    });

  const forget = (form) => {
    form.closest("main").querySelectorAll(".error-summary, .field-error").forEach((old) => old.remove());
    form.querySelectorAll(".field-wrong").forEach((field) => field.classList.remove("field-wrong"));
    form.querySelectorAll("[aria-invalid]").forEach((input) => {
      input.removeAttribute("aria-invalid");
      const others = input.getAttribute("aria-describedby")?.split(" ").filter((id) => !id.endsWith("-error"));
      if (others?.length) input.setAttribute("aria-describedby", others.join(" "));
      else input.removeAttribute("aria-describedby");
    });
  };

  const show = (form, found) => {
    const [summary, message] = form.querySelector("template").content.cloneNode(true).children;
    const list = summary.querySelector("ul");
    const line = list.firstElementChild;
    line.remove();
    for (const [target, text] of found) {
      const item = line.cloneNode(true);
      Object.assign(item.querySelector("a"), { href: `#${target.id}`, textContent: text });
      list.append(item);
      const field = target.closest(".field");
      if (!field) continue;
      const error = message.cloneNode(true);
      error.id = `${target.id}-error`;
      error.append(text);
      field.classList.add("field-wrong");
      field.querySelector(".field-input, .field-option").before(error);
      target.setAttribute("aria-invalid", "true");
      const others = target.getAttribute("aria-describedby");
      target.setAttribute("aria-describedby", others ? `${others} ${error.id}` : error.id);
    }
    const error = message.firstElementChild.textContent;
    if (!document.title.startsWith(error)) document.title = `${error} ${document.title}`;
    form.closest("main").prepend(summary);
    summary.focus();
  };

  addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches(".form")) return;
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    forget(form);
    const found = mistakes(form);
    if (found.length) return show(form, found);
    form.ariaBusy = "true";
    say(form, form.dataset.sending);
    try {
      const answer = await fetch(form.action, {
        method: "post",
        body: new URLSearchParams(new FormData(form)),
        signal: AbortSignal.timeout(60000),
      });
      if (answer.redirected) return location.assign(answer.url);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // Only the form shown again may take its place: what else a host answers would take away what was typed.
      const main = page.querySelector(".error-summary")?.closest("main");
      if (!main) throw new Error(answer.status);
      document.querySelector("main").replaceWith(main);
      document.title = page.title;
      document.querySelector(".error-summary").focus();
    } catch {
      form.ariaBusy = "false";
      say(form, "");
      show(form, [[form, form.dataset.unsent]]);
    }
  });

  // Whoever comes back finds the form as it was left, and can send it again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll(".form").forEach((form) => (form.ariaBusy = "false", say(form, "")));
  });
}

// Works for about a second before a form is sent, by version 2 of ALTCHA's protocol. What fails here keeps nobody from
// sending: a form without the proof is looked at by staff.
{
  const works = new WeakMap();
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const unhex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));

  const derive = async (password, salt, cost, length) => {
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: cost };
    return hex(new Uint8Array(await crypto.subtle.deriveBits(how, key, length * 8)));
  };

  const solve = async (input) => {
    const challenge = await (await fetch(input.dataset.challenge, { signal: AbortSignal.timeout(10000) })).json();
    const { nonce, salt, cost, keyLength, keyPrefix } = challenge.parameters;
    const password = new Uint8Array([...unhex(nonce), 0, 0, 0, 0]);
    for (let counter = 0; ; counter += 1) {
      new DataView(password.buffer).setUint32(password.length - 4, counter);
      const derivedKey = await derive(password, unhex(salt), cost, keyLength);
      if (!derivedKey.startsWith(keyPrefix)) continue;
      input.value = btoa(JSON.stringify({ challenge, solution: { counter, derivedKey } }));
      return;
    }
  };

  // Begun once for each form that asks for it, also for one that has taken the place of another.
  const work = (event) => {
    const form = event.target.closest("form");
    const input = form?.querySelector("[data-challenge]");
    if (!input) return { isDone: true };
    if (!works.has(form)) {
      const begun = { isDone: false };
      begun.end = solve(input).catch(() => {}).then(() => (begun.isDone = true));
      works.set(form, begun);
    }
    return works.get(form);
  };

  addEventListener("focusin", work);
  // Before any other script sends the form.
  addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      const { isDone, end } = work(event);
      if (isDone) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      end.then(() => form.requestSubmit());
    },
    true,
  );
}

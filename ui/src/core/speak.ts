/** The live region: what screen readers say, one sentence at a time. */

const ID = "fr-live";

/** Have a sentence read out; the same one again is read again. */
export function speak(sentence: string): void {
  const line = document.createElement("p");
  line.textContent = sentence;
  region().replaceChildren(line);
}

/** Pages have the region from the start, so that screen readers know it before it speaks. */
function region(): HTMLElement {
  const found = document.getElementById(ID);
  if (found) return found;
  const made = document.createElement("div");
  made.id = ID;
  made.className = "fr-unseen";
  made.setAttribute("role", "status");
  document.body.append(made);
  return made;
}

/** The two languages of the pages, side by side: a missing one is a type error. */

export type Language = "ko" | "en";
export type Text = Readonly<Record<Language, string>>;

/** The language of the page, as its `<html lang>` says. */
export const language: Language = document.documentElement.lang.startsWith("en") ? "en" : "ko";

/** Return the words in the page's language. */
export function text(words: Text): string {
  return words[language];
}

/** Return the words for a number: English has a second form for one. */
export function plural(count: number, words: Text & { one: string }): string {
  return language === "en" && count === 1 ? words.one : words[language];
}

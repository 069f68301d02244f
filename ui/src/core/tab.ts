/** What a tab remembers until it is closed; without storage it remembers nothing. */

export function read(name: string): string | undefined {
  try {
    return sessionStorage.getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

export function write(name: string, value: string): void {
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // A form is locked while its request runs, so a page without storage repeats nothing either.
  }
}

export function drop(name: string): void {
  try {
    sessionStorage.removeItem(name);
  } catch {
    // Nothing was kept.
  }
}

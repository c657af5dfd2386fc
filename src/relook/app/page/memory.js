// What this browser keeps for the next visit. Where storage is switched off or full, nothing is kept.

/** @param {string} key @returns {any} what was kept under this key, or null */
export function remembered(key) {
  try {
    return JSON.parse(localStorage.getItem(`relook:${key}`) ?? "null");
  } catch {
    return null;
  }
}

/** Keep a value; null forgets it. @param {string} key @param {unknown} value */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(`relook:${key}`);
    else localStorage.setItem(`relook:${key}`, JSON.stringify(value));
  } catch { /* switched off, or full: the page goes on without */ }
}

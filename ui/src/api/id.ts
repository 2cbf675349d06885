/** A random name for one command or query. crypto.randomUUID exists only on HTTPS and localhost; getRandomValues everywhere. */
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/** The least a password must be; the gateway decides, this only saves a round trip. Null when fine. */
export function passwordProblem(password: string, name: string): string | null {
  if (password.length < 12) return `${password.length} of at least 12 characters.`;
  if (new Set(password).size < 5) return "Too few different characters.";
  if (name.length > 2 && password.toLowerCase().includes(name.toLowerCase())) return "It must not contain the name.";
  return null;
}

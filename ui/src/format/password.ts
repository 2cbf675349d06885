/** The least a password must be; the gateway decides, this only saves a round trip. Null when fine. */
export function passwordProblem(password: string, name: string): string | null {
  if ([...password].length < 10) return `${[...password].length} of at least 10 characters.`;
  if (new Set(password.toLowerCase()).size < 4) return "Too few different characters.";
  if (name !== "" && password.length < name.length + 10 && password.toLowerCase().includes(name.toLowerCase())) return "It must not be made of the name.";
  return null;
}

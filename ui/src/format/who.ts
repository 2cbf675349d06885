/** `user:anna` as people say it. */
export function person(who: string | null | undefined): string {
  if (!who) return "–";
  const [sort, name] = [who.slice(0, who.indexOf(":")), who.slice(who.indexOf(":") + 1)];
  if (!who.includes(":")) return who;
  if (sort === "user") return name;
  if (sort === "local") return `${name} (at the machine)`;
  return `${name} (${sort})`;
}

export function Namespace(_: { prefix: string }) { return <p>Namespace</p>; }

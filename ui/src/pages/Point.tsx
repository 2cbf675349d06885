export function Point(_: { path: string }) { return <p>Point</p>; }

// The console's own script, which every page has loaded already; it is not bundled again.
export function localTimes(root: ParentNode): void;

/**
 * The engine counts offered: powers of two up to the cores, the cores, twice
 * and four times the cores, and the present count. Ascending, each once.
 */
export function counts(cores: number, present: number): number[] {
  const offered = new Set([cores, 2 * cores, 4 * cores]);
  for (let n = 1; n <= cores; n *= 2) {
    offered.add(n);
  }
  if (present > 0) {
    offered.add(present);
  }
  return [...offered].sort((a, b) => a - b);
}

/** Numbers with their units, as a person reads them. Pure. */

/** `1536` as `1.5 KiB`; bytes, binary units. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** Cores in use, `1.0` = one whole core, as `100 %`. */
export function percent(cores: number): string {
  return `${Math.round(cores * 100)} %`;
}

/** Seconds as `2 h 05 min`, `3 min 20 s` or `12 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60
  ];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0
    ? `${h} h ${two(m)} min`
    : m > 0
      ? `${m} min ${two(s)} s`
      : `${s} s`;
}

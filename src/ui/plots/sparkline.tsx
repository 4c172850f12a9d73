/** A small line of the last minutes: inline SVG, no library. */
import React from 'react';

/** Properties of {@link Sparkline}. */
export interface ISparklineProps {
  /** Values in order, one a second. */
  values: readonly number[];
  /** What it shows, for a screen reader. */
  label: string;
  /** The least value for the top of the drawing, so that noise stays small. */
  least: number;
}

const WIDTH = 240;
const HEIGHT = 36;
/** How many seconds the drawing is wide. */
const SPAN = 600;

/** Points of the line, the newest at the right end. */
export function points(values: readonly number[], top: number): string {
  const step = WIDTH / (SPAN - 1);
  const from = WIDTH - (values.length - 1) * step;
  return values
    .map((value, at) => {
      const y = HEIGHT - 1 - (Math.min(value, top) / top) * (HEIGHT - 3);
      return `${(from + at * step).toFixed(1)},${y.toFixed(1)}`;
    })
    .join(' ');
}

/** The line and the area below it. */
export function Sparkline(props: ISparklineProps): JSX.Element {
  const values = props.values.slice(-SPAN);
  const top = Math.max(props.least, ...values, Number.MIN_VALUE);
  const line = points(values, top);
  const left = line ? line.slice(0, line.indexOf(',')) : '0';
  return (
    <svg
      className="jlc-Sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={props.label}
    >
      {values.length > 1 && (
        <>
          <polygon
            className="jlc-Sparkline-area"
            points={`${left},${HEIGHT} ${line} ${WIDTH},${HEIGHT}`}
          />
          <polyline className="jlc-Sparkline-line" points={line} />
        </>
      )}
    </svg>
  );
}

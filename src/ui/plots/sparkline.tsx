/** A small line of numbers over time. Its text says what the line shows. */
import React from 'react';

/** A number at a time in seconds; the times ascend. */
export interface IPoint {
  readonly at: number;
  readonly value: number;
}

/** Properties of the line. */
export interface ISparklineProps {
  points: readonly IPoint[];
  /** Seconds that the width stands for, up to the last point. */
  span: number;
  /** Upper end at least, so that noise does not fill the height. */
  least: number;
  /** What a person who does not see it reads. */
  label: string;
}

const WIDTH = 100;
const HEIGHT = 28;

/** A gap longer than this many seconds is not drawn over: nothing is known of it. */
const GAP = 15;

/** Pieces of line without gaps, as places on the drawing. */
export function pieces(
  props: Omit<ISparklineProps, 'label'>
): readonly (readonly (readonly [number, number])[])[] {
  const { points, span, least } = props;
  const end = points.length > 0 ? points[points.length - 1].at : 0;
  const seen = points.filter(point => point.at >= end - span);
  const top = seen.reduce((most, { value }) => Math.max(most, value), least);
  const found: [number, number][][] = [];
  let before = -Infinity;
  for (const { at, value } of seen) {
    if (at - before > GAP) {
      found.push([]);
    }
    before = at;
    const x = WIDTH * (1 - (end - at) / span);
    const y = (HEIGHT - 1) * (1 - (top > 0 ? value / top : 0)) + 0.5;
    found[found.length - 1].push([x, y]);
  }
  return found;
}

/** The drawing. */
export function Sparkline(props: ISparklineProps): JSX.Element {
  const lines = pieces(props).map(piece =>
    piece.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' L')
  );
  return (
    <svg
      className="jlc-Sparkline"
      role="img"
      aria-label={props.label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      {lines.map((line, index) => {
        const [from, to] = [line.split(',')[0], line.split(' L').pop()];
        return (
          <React.Fragment key={index}>
            <path
              className="jlc-Sparkline-area"
              d={`M${from},${HEIGHT} L${line} L${to?.split(',')[0]},${HEIGHT} Z`}
            />
            <path className="jlc-Sparkline-line" d={`M${line}`} />
          </React.Fragment>
        );
      })}
    </svg>
  );
}

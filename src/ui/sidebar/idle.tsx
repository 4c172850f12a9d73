/**
 * How long an idle cluster still has, and a button to keep it. Counts down by
 * minutes, the last two by seconds.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IIdle } from '../../cluster/state';

/** From here on it counts by seconds. */
const SOON = 120;

/** Properties of {@link IdleLine}. */
export interface IIdleLineProps {
  idle: IIdle;
  /** The cluster's name. */
  name: string;
  disabled: boolean;
  trans: TranslationBundle;
  onKeep: () => void;
}

/** The line in a row. */
export function IdleLine(props: IIdleLineProps): JSX.Element {
  const { idle, name, disabled, trans, onKeep } = props;
  const left = useLeft(Date.parse(idle.ends_at));
  return (
    <div className={`jlc-Row-idle${left < SOON ? ' jlc-mod-warning' : ''}`}>
      <span>
        {left < SOON && <span aria-hidden="true">⚠ </span>}
        {idleWords(left, trans)}
      </span>
      <button
        className="jlc-Keep"
        disabled={disabled}
        aria-label={trans.__('Keep %1', name)}
        title={trans.__('Begin to count anew')}
        onClick={event => {
          event.stopPropagation();
          onKeep();
        }}
      >
        {trans.__('Keep')}
      </button>
    </div>
  );
}

/** `left` in seconds. */
export function idleWords(left: number, trans: TranslationBundle): string {
  if (left <= 0) {
    return trans.__('No engine is busy: stopping now');
  }
  return left < SOON
    ? trans.__('No engine is busy: stops in %1 s', Math.ceil(left))
    : trans.__('No engine is busy: stops in %1 min', Math.ceil(left / 60));
}

/** Seconds until then, redrawn no more often than the words change. */
function useLeft(end: number): number {
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  const left = (end - Date.now()) / 1000;
  const pause = left <= 0 ? null : left < SOON + 60 ? 1000 : 30000;
  React.useEffect(() => {
    if (pause === null) {
      return;
    }
    const timer = window.setInterval(redraw, pause);
    return () => window.clearInterval(timer);
  }, [pause]);
  return left;
}

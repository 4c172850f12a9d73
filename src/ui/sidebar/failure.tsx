/** Why it failed: the cause, what to do, and what the tool said. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IFailure } from '../../cluster/state';

/** Properties of {@link Failure}. */
export interface IFailureProps {
  failure: IFailure;
  trans: TranslationBundle;
  onShowOutput(): void;
  onOpenLog(log: string): void;
}

/** The failure of one cluster, within its row. */
export function Failure(props: IFailureProps): JSX.Element {
  const { failure, trans, onShowOutput, onOpenLog } = props;
  const { log } = failure;
  return (
    <div className="jlc-Failure" role="group" aria-label={trans.__('Failure')}>
      <div className="jlc-Failure-cause">{failure.cause}</div>
      {failure.hint && <div className="jlc-Failure-hint">{failure.hint}</div>}
      <div className="jlc-Failure-buttons">
        {(failure.output || failure.command) && (
          <button className="jlc-Link" onClick={onShowOutput}>
            {trans.__('Show output')}
          </button>
        )}
        {log && (
          <button className="jlc-Link" onClick={() => onOpenLog(log)}>
            {trans.__('Open log')}
          </button>
        )}
      </div>
    </div>
  );
}

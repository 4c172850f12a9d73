/** A file that a cluster of others left in a profile: what is known of it, and its end if nothing answers any more. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ILeftFile } from '../../cluster/state';

/** Properties of {@link LeftFile}. */
export interface ILeftFileProps {
  file: ILeftFile;
  /** Remove it; absent where nothing can be known of it. */
  onClear?: () => void;
  disabled: boolean;
  trans: TranslationBundle;
}

/** One such file, within its row. */
export function LeftFile(props: ILeftFileProps): JSX.Element {
  const { file, disabled, trans, onClear } = props;
  return (
    <div
      className="jlc-Left"
      role="group"
      aria-label={
        onClear ? trans.__('Stale file') : trans.__('File of another host')
      }
    >
      <div>{file.sentence}</div>
      <div className="jlc-Left-path">{file.path}</div>
      {onClear && (
        <button
          className="jp-Button jp-mod-styled jlc-Button"
          disabled={disabled}
          title={trans.__(
            'Remove this file, if still nothing answers; nothing else is touched'
          )}
          onClick={event => {
            event.stopPropagation();
            onClear();
          }}
        >
          {trans.__('Clear')}
        </button>
      )}
    </div>
  );
}

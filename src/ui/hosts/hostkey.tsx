/**
 * The question whether a host's key is to be accepted. Nothing is accepted by
 * one click: the fingerprint is shown first, to be compared.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useId, useRef } from 'react';

/** Properties of {@link HostKey}. */
export interface IHostKeyProps {
  host: string;
  fingerprint: string;
  keyType: string;
  trans: TranslationBundle;
  onAccept(): void;
  onCancel(): void;
}

/** Takes the focus, and is left by Escape without accepting. */
export function HostKey(props: IHostKeyProps): JSX.Element {
  const { host, fingerprint, keyType, trans } = props;
  const id = useId();
  const cancel = useRef<HTMLButtonElement>(null);
  useEffect(() => cancel.current?.focus(), []);
  return (
    <div
      className="jlc-HostKey"
      role="group"
      aria-labelledby={`${id}-question`}
      aria-describedby={`${id}-advice`}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          props.onCancel();
        }
      }}
    >
      <div id={`${id}-question`} className="jlc-HostKey-question">
        {trans.__('Is this the key of %1?', host)}
      </div>
      <code className="jlc-HostKey-fingerprint">
        {keyType} {fingerprint}
      </code>
      <div id={`${id}-advice`}>
        {trans.__(
          'Compare it with what whoever runs the host tells you. If it differs, somebody may stand between. Accepting adds it to your known hosts.'
        )}
      </div>
      <div className="jlc-HostKey-buttons">
        <button
          ref={cancel}
          type="button"
          className="jp-Button jp-mod-styled jp-mod-reject"
          onClick={props.onCancel}
        >
          {trans.__('Not now')}
        </button>
        <button
          type="button"
          className="jp-Button jp-mod-styled jp-mod-warn"
          onClick={props.onAccept}
        >
          {trans.__('Accept this key')}
        </button>
      </div>
    </div>
  );
}

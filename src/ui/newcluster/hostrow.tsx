/** One tested host: how it stands, and behind it every check with its cause and hint. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId, useRef, useState } from 'react';

import type { IHostCheck, IHostTest } from '../../cluster/state';
import { HostKey } from './hostkey';
import {
  SHAPES,
  checkWord,
  resultWord,
  stateOf,
  stateWord,
  valueOf
} from './hostwords';

/** Columns of the table. */
export const COLUMNS = 6;

/** Properties of {@link HostRow}. */
export interface IHostRowProps {
  host: IHostTest;
  trans: TranslationBundle;
  onAccept(fingerprint: string): void;
}

/** A row, and below it its checks: open where something fails, until it is folded. */
export function HostRow(props: IHostRowProps): JSX.Element {
  const { host, trans } = props;
  const id = useId();
  const [folded, fold] = useState<boolean | null>(null);
  const state = stateOf(host);
  const open = state !== 'testing' && !(folded ?? state === 'ready');
  const word = stateWord(state, trans);
  return (
    <>
      <tr className={`jlc-HostRow jlc-mod-${state}`}>
        <th scope="row" className="jlc-HostRow-name" title={host.host}>
          {host.host}
        </th>
        <td>
          {state === 'testing' ? (
            <State state={state} word={word} />
          ) : (
            <button
              type="button"
              className="jlc-HostRow-toggle"
              aria-expanded={open}
              aria-controls={open ? id : undefined}
              aria-label={trans.__('%1: %2. Details', host.host, word)}
              onClick={() => fold(open)}
            >
              <State state={state} word={word} />
              <span aria-hidden="true">{open ? ' ▾' : ' ▸'}</span>
            </button>
          )}
        </td>
        <td>{valueOf(host, 'python')}</td>
        <td>{valueOf(host, 'ipyparallel')}</td>
        <td className="jlc-HostRow-number">{valueOf(host, 'cores')}</td>
        <td className="jlc-HostRow-number">{valueOf(host, 'memory')}</td>
      </tr>
      {open && (
        <tr id={id}>
          <td colSpan={COLUMNS} className="jlc-HostRow-details">
            <Checks {...props} />
            {host.fingerprint !== null && (
              <KeyOffer {...props} fingerprint={host.fingerprint} />
            )}
            {host.output && (
              <details>
                <summary>{trans.__('What ssh said')}</summary>
                <pre className="jlc-HostRow-output">{host.output}</pre>
              </details>
            )}
          </td>
        </tr>
      )}
    </>
  );
}

function State(props: {
  state: ReturnType<typeof stateOf>;
  word: string;
}): JSX.Element {
  return (
    <>
      <span className="jlc-HostRow-shape" aria-hidden="true">
        {SHAPES[props.state]}
      </span>{' '}
      {props.word}
    </>
  );
}

function Checks(props: IHostRowProps): JSX.Element {
  const { host, trans } = props;
  const untested = host.checks
    .filter(check => check.ok === null)
    .map(check => checkWord(check.name, trans));
  return (
    <ul
      className="jlc-HostRow-checks"
      aria-label={trans.__('Checks of %1', host.host)}
    >
      {host.checks
        .filter(check => check.ok !== null)
        .map(check => (
          <Check key={check.name} check={check} {...props} />
        ))}
      {untested.length > 0 && (
        <li>
          <span className="jlc-HostRow-shape" aria-hidden="true">
            –
          </span>{' '}
          {trans.__('Not tested: %1', untested.join(', '))}
        </li>
      )}
    </ul>
  );
}

function Check(props: IHostRowProps & { check: IHostCheck }): JSX.Element {
  const { check, host, trans } = props;
  const { shape, word } = resultWord(check, trans);
  const mod = check.ok ? 'ready' : 'failing';
  return (
    <li className={`jlc-HostCheck jlc-mod-${mod}`}>
      <span className="jlc-HostRow-shape" aria-hidden="true">
        {shape}
      </span>{' '}
      {checkWord(check.name, trans)}: {word}
      {check.value !== null && ` (${valueOf(host, check.name)})`}
      {check.cause && <div className="jlc-HostCheck-cause">{check.cause}</div>}
      {check.hint && <div className="jlc-HostCheck-hint">{check.hint}</div>}
    </li>
  );
}

/** The way to the question; back from it, the focus is where it was. */
function KeyOffer(props: IHostRowProps & { fingerprint: string }): JSX.Element {
  const { host, fingerprint, trans } = props;
  const [asking, ask] = useState(false);
  const asked = useRef(false);
  if (asking) {
    return (
      <HostKey
        host={host.host}
        fingerprint={fingerprint}
        keyType={host.key_type ?? ''}
        trans={trans}
        onAccept={() => props.onAccept(fingerprint)}
        onCancel={() => ask(false)}
      />
    );
  }
  return (
    <button
      ref={button => {
        if (button && asked.current) {
          asked.current = false;
          button.focus();
        }
      }}
      type="button"
      className="jp-Button jp-mod-styled"
      aria-label={trans.__('Accept key of %1…', host.host)}
      onClick={() => {
        asked.current = true;
        ask(true);
      }}
    >
      {trans.__('Accept key…')}
    </button>
  );
}

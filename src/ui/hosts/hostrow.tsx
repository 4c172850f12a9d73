/** One tested host: how it stands, and behind it every check with its cause and hint. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useRef, useState } from 'react';

import type { IHostCheck, IHostTest } from '../../cluster/state';
import { HostKey } from './hostkey';
import {
  SHAPES,
  checkWord,
  foundWords,
  resultWord,
  stateOf,
  stateWord,
  valueOf
} from './hostwords';

/** Properties of {@link HostState}. */
export interface IHostStateProps {
  host: IHostTest;
  /** Whether the checks are shown, and the id of the element that holds them. */
  open: boolean;
  controls: string;
  trans: TranslationBundle;
  onToggle(): void;
}

/** How it stands in a cell; once it was tested, the button that shows its checks. */
export function HostState(props: IHostStateProps): JSX.Element {
  const { host, open, trans } = props;
  const state = stateOf(host);
  const word = stateWord(state, trans);
  if (state === 'testing') {
    return <State state={state} word={word} />;
  }
  return (
    <>
      <button
        type="button"
        className="jlc-HostRow-toggle"
        aria-expanded={open}
        aria-controls={open ? props.controls : undefined}
        aria-label={trans.__('%1: %2. Details', host.host, word)}
        onClick={props.onToggle}
      >
        <State state={state} word={word} />
        <span aria-hidden="true">{open ? ' ▾' : ' ▸'}</span>
      </button>
      {state === 'ready' && (
        <div className="jlc-HostRow-found">{foundWords(host, trans)}</div>
      )}
    </>
  );
}

/** Properties of {@link HostDetails}. */
export interface IHostDetailsProps {
  host: IHostTest;
  trans: TranslationBundle;
  onAccept(fingerprint: string): void;
}

/** Every check, the offer of a new key, and what ssh said. */
export function HostDetails(props: IHostDetailsProps): JSX.Element {
  const { host, trans } = props;
  return (
    <>
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

function Checks(props: IHostDetailsProps): JSX.Element {
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

function Check(props: IHostDetailsProps & { check: IHostCheck }): JSX.Element {
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
function KeyOffer(
  props: IHostDetailsProps & { fingerprint: string }
): JSX.Element {
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

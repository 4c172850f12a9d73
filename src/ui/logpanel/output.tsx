/**
 * Why a cluster failed, as plain text: the sentence, the command and what it
 * said. What a program printed is never markup, and hides nothing.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IFailure } from '../../cluster/state';
import { visible } from '../../logs/visible';
import { commandLine } from '../common/commandline';

/** All of it, for the clipboard. */
export function failureText(failure: IFailure): string {
  return [
    failure.cause,
    failure.hint,
    failure.command && `$ ${commandLine(failure.command)}`,
    failure.exit_code !== null && `exit code ${failure.exit_code}`,
    failure.output
  ]
    .filter(part => typeof part === 'string' && part !== '')
    .map(part => visible(String(part), '\t\n'))
    .join('\n');
}

export function Output(props: {
  readonly failure: IFailure;
  readonly copy: (text: string) => void;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { failure, trans } = props;
  return (
    <div className="jlc-Output">
      <p>{failure.cause}</p>
      {failure.hint !== null && <p>{failure.hint}</p>}
      <dl>
        {failure.command !== null && (
          <>
            <dt>{trans.__('Command')}</dt>
            <dd>
              <pre>{visible(commandLine(failure.command), '\t\n')}</pre>
            </dd>
          </>
        )}
        {failure.exit_code !== null && (
          <>
            <dt>{trans.__('Exit code')}</dt>
            <dd>{failure.exit_code}</dd>
          </>
        )}
        {failure.output !== null && (
          <>
            <dt>{trans.__('Output')}</dt>
            <dd>
              <pre tabIndex={0} aria-label={trans.__('Output')}>
                {visible(failure.output, '\t\n')}
              </pre>
            </dd>
          </>
        )}
      </dl>
      <button
        type="button"
        className="jp-mod-styled"
        onClick={() => props.copy(failureText(failure))}
      >
        {trans.__('Copy')}
      </button>
    </div>
  );
}

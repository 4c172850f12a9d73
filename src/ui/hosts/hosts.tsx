/**
 * The hosts of a launcher and *Test hosts*: whether they could be used, before
 * a cluster is made of them. Shows only what the server told.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId, useRef } from 'react';

import type { IHostTesting } from '../../tokens';
import { useChanged } from '../common/usechanged';
import { HostsTable } from './hoststable';
import type { IMoreField } from './hostline';
import type { IHostLine } from './hosttext';
import { summaryOf } from './hostwords';
import '../../../style/hosts.css';

/** Properties of {@link Hosts}. */
export interface IHostsProps {
  launcher: string;
  lines: readonly IHostLine[];
  more: readonly IMoreField[];
  /** The options with the hosts that can be tested; null while none has a name. */
  options: Record<string, unknown> | null;
  /** What the server has against a host. */
  fault: { line: number; message: string } | null;
  testing: IHostTesting;
  trans: TranslationBundle;
  onChange(lines: IHostLine[]): void;
}

/** The table, and below it the button with what came of it in all. */
export function Hosts(props: IHostsProps): JSX.Element {
  const { launcher, options, testing, trans } = props;
  useChanged(testing.changed);
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const { hosts, tested } = testing;
  const old =
    tested !== null && JSON.stringify(tested) !== JSON.stringify(options);
  const idle = !testing.testing && options !== null;
  return (
    <section className="jlc-Hosts" aria-labelledby={id}>
      <div id={id} className="jlc-Hosts-title">
        {trans.__('Hosts')}
      </div>
      <HostsTable
        {...props}
        tests={hosts}
        onAccept={(host, fingerprint) => {
          button.current?.focus();
          void testing.accept(host, fingerprint);
        }}
      />
      <div className="jlc-Hosts-head">
        <button
          ref={button}
          type="button"
          className="jp-Button jp-mod-styled jlc-Hosts-test"
          aria-disabled={!idle}
          onClick={() => {
            if (idle) {
              void testing.test(launcher, options);
            }
          }}
        >
          {trans.__('Test hosts')}
        </button>
        <span role="status">
          {old
            ? trans.__('The options have changed since; test again.')
            : summaryOf(hosts, trans)}
        </span>
      </div>
      {testing.error !== null && (
        <div className="jlc-NewCluster-fault" role="alert">
          {testing.error}
        </div>
      )}
    </section>
  );
}

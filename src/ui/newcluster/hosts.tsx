/**
 * *Test hosts*: whether the hosts of the form could be used, before a cluster
 * is made of them. Shows only what the server told.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useId, useRef } from 'react';

import type { IHostTesting } from '../../tokens';
import { useChanged } from '../common/usechanged';
import { HostRow } from './hostrow';
import { summaryOf } from './hostwords';

/** Properties of {@link Hosts}. */
export interface IHostsProps {
  launcher: string;
  /** What is filled in now. */
  options: Record<string, unknown>;
  testing: IHostTesting;
  trans: TranslationBundle;
}

/** The button, and below it what came of it. */
export function Hosts(props: IHostsProps): JSX.Element {
  const { launcher, options, testing, trans } = props;
  useChanged(testing.changed);
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const section = useRef<HTMLElement>(null);
  const { hosts, tested } = testing;
  const anew = testing.testing && hosts.length > 0;
  useEffect(() => {
    if (anew) {
      // The form above can be long.
      section.current?.scrollIntoView?.({ block: 'nearest' });
    }
  }, [anew]);
  const old =
    tested !== null && JSON.stringify(tested) !== JSON.stringify(options);
  return (
    <section ref={section} className="jlc-Hosts" aria-labelledby={id}>
      <div className="jlc-Hosts-head">
        <button
          id={id}
          ref={button}
          type="button"
          className="jp-Button jp-mod-styled jlc-Hosts-test"
          aria-disabled={testing.testing}
          onClick={() => {
            if (!testing.testing) {
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
      {hosts.length > 0 && (
        <table className="jlc-Hosts-table" aria-label={trans.__('Hosts')}>
          <thead>
            <tr>
              <th scope="col">{trans.__('Host')}</th>
              <th scope="col">{trans.__('State')}</th>
              <th scope="col">{trans.__('Python')}</th>
              <th scope="col">{trans.__('ipyparallel')}</th>
              <th scope="col">{trans.__('Cores')}</th>
              <th scope="col">{trans.__('Free memory')}</th>
            </tr>
          </thead>
          <tbody>
            {hosts.map(host => (
              <HostRow
                key={host.host}
                host={host}
                trans={trans}
                onAccept={fingerprint => {
                  button.current?.focus();
                  void testing.accept(host.host, fingerprint);
                }}
              />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

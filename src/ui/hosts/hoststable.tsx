/**
 * The hosts of a launcher, one a line, to be typed or pasted; beside each, what
 * a test told of it. Hands on what was filled in and keeps no copy of it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useRef, useState } from 'react';

import type { IHostTest } from '../../cluster/state';
import type { IMoreField } from './hostline';
import { HostLine } from './hostline';
import type { IHostLine } from './hosttext';
import { isList, parseHosts, pasted, without } from './hosttext';

/** Properties of {@link HostsTable}. */
export interface IHostsTableProps {
  lines: readonly IHostLine[];
  /** What may be said of a host besides its name and number. */
  more: readonly IMoreField[];
  /** What is known of tested hosts. */
  tests: readonly IHostTest[];
  /** What is wrong with a line, by its number. */
  fault: { line: number; message: string } | null;
  trans: TranslationBundle;
  onChange(lines: IHostLine[]): void;
  onAccept(host: string, fingerprint: string): void;
}

/** The table; there is always a line to type into. */
export function HostsTable(props: IHostsTableProps): JSX.Element {
  const { more, tests, trans, fault } = props;
  const lines = props.lines.length > 0 ? props.lines : [{}];
  const table = useRef<HTMLTableElement>(null);
  const focus = useRef<number | null>(null);
  const [news, tell] = useState('');
  React.useEffect(() => {
    if (focus.current !== null) {
      const inputs =
        table.current?.querySelectorAll<HTMLInputElement>('.jlc-HostLine-name');
      inputs?.[Math.min(focus.current, inputs.length - 1)]?.focus();
      focus.current = null;
    }
  });
  const change = (changed: IHostLine[], at: number | null = null) => {
    focus.current = at;
    props.onChange(changed);
  };
  const add = (at: number) =>
    change([...lines.slice(0, at), {}, ...lines.slice(at)], at);
  const paste = (at: number, text: string): boolean => {
    if (!isList(text)) {
      return false;
    }
    const hosts = parseHosts(text);
    const changed = pasted(lines, at, hosts);
    change(changed, changed.length - 1);
    tell(trans._n('%1 host pasted.', '%1 hosts pasted.', hosts.length));
    return true;
  };
  return (
    <div className="jlc-HostsTable">
      <table ref={table} aria-label={trans.__('Hosts')}>
        <thead>
          <tr>
            <th scope="col">{trans.__('Host')}</th>
            <th scope="col" className="jlc-HostsTable-engines">
              {trans.__('Engines')}
            </th>
            <th scope="col" className="jlc-HostsTable-test">
              {tests.length > 0 && trans.__('Test')}
            </th>
            <th scope="col" className="jlc-HostsTable-buttons">
              <span className="jlc-Hidden">{trans.__('Actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line, at) => (
            <HostLine
              // Lines have no names of their own; their order is theirs.
              key={at}
              number={at + 1}
              line={line}
              more={more}
              test={tests.find(one => one.host === line.host)}
              fault={fault?.line === at ? fault.message : null}
              only={lines.length === 1 && Object.keys(line).length === 0}
              trans={trans}
              onChange={part =>
                change(lines.map((one, i) => (i === at ? part : one)))
              }
              onPaste={text => paste(at, text)}
              onList={text => {
                const [first, ...others] = parseHosts(text);
                const found = isList(text) && first !== undefined;
                if (found) {
                  const empty = lines.map((one, i) => (i === at ? {} : one));
                  change(
                    pasted(empty, at, [
                      { ...without(line, 'host'), ...first },
                      ...others
                    ])
                  );
                }
                return found;
              }}
              onNext={() => add(at + 1)}
              onRemove={() =>
                change(
                  lines.filter((_, i) => i !== at),
                  Math.max(0, at - 1)
                )
              }
              onAccept={fingerprint =>
                props.onAccept(String(line.host), fingerprint)
              }
            />
          ))}
        </tbody>
      </table>
      <div className="jlc-HostsTable-foot">
        <button
          type="button"
          className="jp-Button jp-mod-styled"
          onClick={() => add(lines.length)}
        >
          {trans.__('Add host')}
        </button>
        <span className="jlc-HostsTable-hint">
          {trans.__(
            'host, user@host:port or a name of ~/.ssh/config. A whole list can be pasted, as in a hostfile.'
          )}
        </span>
      </div>
      <div className="jlc-Hidden" role="status">
        {news}
      </div>
    </div>
  );
}

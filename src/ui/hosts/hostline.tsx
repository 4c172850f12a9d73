/** One host of the table: name and number, the rest behind a button, and how its test ended. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, ellipsesIcon } from '@jupyterlab/ui-components';
import React, { useId, useState } from 'react';

import type { IHostTest } from '../../cluster/state';
import { HostDetails, HostState } from './hostrow';
import { stateOf } from './hostwords';
import type { IHostLine } from './hosttext';
import { without } from './hosttext';

/** Columns of the table. */
const COLUMNS = 4;

/** A field of a host besides its name and number. */
export interface IMoreField {
  readonly name: string;
  readonly title: string;
  readonly hint: string | null;
  /** Whether it is words, separated by blanks, instead of one text. */
  readonly words: boolean;
}

/** Properties of {@link HostLine}. */
export interface IHostLineProps {
  number: number;
  line: IHostLine;
  more: readonly IMoreField[];
  test: IHostTest | undefined;
  fault: string | null;
  /** The one empty line of an empty table cannot be removed. */
  only: boolean;
  trans: TranslationBundle;
  onChange(line: IHostLine): void;
  /** Whether the text was taken as a list. */
  onPaste(text: string): boolean;
  /** Likewise of all that stands in the line. */
  onList(text: string): boolean;
  onNext(): void;
  onRemove(): void;
  onAccept(fingerprint: string): void;
}

/** The line, below it the rest of its fields, what is wrong with it, and what its test told. */
export function HostLine(props: IHostLineProps): JSX.Element {
  const { line, more, test, fault, number, trans } = props;
  const id = useId();
  const said = more.some(field => line[field.name] !== undefined);
  const [rest, showRest] = useState(said);
  const [folded, fold] = useState<boolean | null>(null);
  const state = test ? stateOf(test) : null;
  const open =
    test !== undefined && state !== 'testing' && !(folded ?? state === 'ready');
  const name = line.host || trans.__('host %1', number);
  const part = (field: string, value: unknown) => {
    props.onChange(
      value === '' || value === undefined
        ? without(line, field)
        : { ...line, [field]: value }
    );
  };
  return (
    <>
      <tr className={`jlc-HostRow${state ? ` jlc-mod-${state}` : ''}`}>
        <td>
          <input
            className="jp-mod-styled jlc-HostLine-name"
            aria-label={trans.__('Host %1', number)}
            aria-invalid={fault !== null}
            aria-describedby={fault ? `${id}-fault` : undefined}
            spellCheck={false}
            autoCapitalize="off"
            value={line.host ?? ''}
            onChange={event => part('host', event.target.value)}
            onBlur={event => {
              const { value } = event.target;
              if (!props.onList(value) && value !== value.trim()) {
                part('host', value.trim());
              }
            }}
            onPaste={event => {
              if (props.onPaste(event.clipboardData.getData('text'))) {
                event.preventDefault();
              }
            }}
            onKeyDown={event => {
              if (event.key === 'Enter' && line.host) {
                props.onNext();
              }
            }}
          />
        </td>
        <td>
          <input
            className="jp-mod-styled"
            type="number"
            min={1}
            max={10000}
            aria-label={trans.__('Engines of %1', name)}
            placeholder="1"
            value={line.engines ?? ''}
            onChange={event => {
              const { valueAsNumber } = event.target;
              part(
                'engines',
                Number.isNaN(valueAsNumber) ? undefined : valueAsNumber
              );
            }}
          />
        </td>
        <td>
          {test && (
            <HostState
              host={test}
              open={open}
              controls={id}
              trans={trans}
              onToggle={() => fold(open)}
            />
          )}
        </td>
        <td className="jlc-HostsTable-buttons">
          {more.length > 0 && (
            <button
              type="button"
              className="jp-ToolbarButtonComponent"
              aria-label={trans.__('More for %1', name)}
              title={more.map(field => field.title).join(', ')}
              aria-expanded={rest}
              aria-controls={rest ? `${id}-rest` : undefined}
              onClick={() => showRest(!rest)}
            >
              <ellipsesIcon.react tag="span" />
            </button>
          )}
          <button
            type="button"
            className="jp-ToolbarButtonComponent"
            aria-label={trans.__('Remove %1', name)}
            title={trans.__('Remove')}
            disabled={props.only}
            onClick={props.onRemove}
          >
            <closeIcon.react tag="span" />
          </button>
        </td>
      </tr>
      {fault && (
        <tr>
          <td colSpan={COLUMNS}>
            <div
              id={`${id}-fault`}
              className="jlc-NewCluster-fault"
              role="alert"
            >
              {fault}
            </div>
          </td>
        </tr>
      )}
      {rest && (
        <tr id={`${id}-rest`}>
          <td colSpan={COLUMNS} className="jlc-HostLine-rest">
            {more.map(field => (
              <MoreField key={field.name} field={field} {...props} put={part} />
            ))}
          </td>
        </tr>
      )}
      {open && test && (
        <tr id={id}>
          <td colSpan={COLUMNS} className="jlc-HostRow-details">
            <HostDetails host={test} trans={trans} onAccept={props.onAccept} />
          </td>
        </tr>
      )}
    </>
  );
}

function MoreField(props: {
  field: IMoreField;
  line: IHostLine;
  number: number;
  put: (name: string, value: unknown) => void;
}): JSX.Element {
  const { field, line, put } = props;
  const value = line[field.name];
  const text = Array.isArray(value) ? value.join(' ') : String(value ?? '');
  // Blanks between words are typed one by one, so the text is kept as it is typed.
  const [typed, type] = useState(text);
  const id = useId();
  return (
    <div className="jlc-HostLine-field">
      <label htmlFor={id}>{field.title}</label>
      <input
        id={id}
        className="jp-mod-styled"
        spellCheck={false}
        placeholder={field.hint ?? undefined}
        value={field.words ? typed : text}
        onChange={event => {
          const now = event.target.value;
          type(now);
          const words = now.split(/\s+/).filter(word => word !== '');
          put(
            field.name,
            field.words ? (words.length > 0 ? words : undefined) : now
          );
        }}
      />
    </div>
  );
}

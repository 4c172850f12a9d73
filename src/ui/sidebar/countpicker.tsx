/** The dropdown of engine counts, with a field of its own for any other number. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { counts } from './counts';

/** Value of the entry that opens the field. */
const CUSTOM = 'custom';

/** Properties of {@link CountPicker}. */
export interface ICountPickerProps {
  /** The number shown. */
  value: number;
  /** Cores of the machine: more engines than that are offered last. */
  cores: number;
  /** The number that the profile asks for, if any; marked. */
  ofProfile: number | null;
  /** No more than these are offered or taken. */
  most: number;
  /** For a screen reader. */
  label: string;
  disabled: boolean;
  trans: TranslationBundle;
  onPick(engines: number): void;
}

/** A dropdown; *Custom…* turns it into a number field until Enter or Escape. */
export function CountPicker(props: ICountPickerProps): JSX.Element {
  const { value, cores, ofProfile, most, label, disabled, trans, onPick } =
    props;
  const [typed, setTyped] = React.useState<string | null>(null);
  const settle = () => {
    const engines = Math.min(Number(typed), most);
    setTyped(null);
    if (
      typed &&
      Number.isInteger(engines) &&
      engines >= 0 &&
      engines !== value
    ) {
      onPick(engines);
    }
  };
  if (typed !== null) {
    return (
      <input
        className="jlc-CountPicker"
        type="number"
        min={0}
        max={most}
        step={1}
        autoFocus
        aria-label={label}
        value={typed}
        onChange={event => setTyped(event.target.value)}
        onBlur={settle}
        onKeyDown={event => {
          event.stopPropagation();
          if (event.key === 'Enter') {
            settle();
          } else if (event.key === 'Escape') {
            setTyped(null);
          }
        }}
      />
    );
  }
  const offered = new Set(counts(cores, value));
  if (ofProfile !== null) {
    offered.add(ofProfile);
  }
  const words = (engines: number): string => {
    const text = trans._n('%1 engine', '%1 engines', engines);
    return engines === ofProfile ? trans.__('%1 (profile)', text) : text;
  };
  return (
    <select
      className="jlc-CountPicker"
      aria-label={label}
      title={label}
      value={value}
      disabled={disabled}
      onChange={event => {
        if (event.target.value === CUSTOM) {
          setTyped(String(value));
        } else {
          onPick(Number(event.target.value));
        }
      }}
    >
      {[...offered]
        .filter(engines => engines <= most || engines === value)
        .sort((a, b) => a - b)
        .map(engines => (
          <option key={engines} value={engines}>
            {words(engines)}
          </option>
        ))}
      <option value={CUSTOM}>{trans.__('Custom…')}</option>
    </select>
  );
}

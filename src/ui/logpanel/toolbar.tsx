/** The toolbar of a log: each item shows the look and sets it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon, Toolbar } from '@jupyterlab/ui-components';
import {
  caretDownIcon,
  caretUpEmptyThinIcon,
  downloadIcon,
  errorIcon,
  HTMLSelect,
  ReactWidget
} from '@jupyterlab/ui-components';
import React from 'react';

import { useChanged } from '../common/usechanged';
import type { ILook } from './look';
import { logName } from './names';
import type { LogPanel } from './panel';

interface IItem {
  readonly panel: LogPanel;
  readonly trans: TranslationBundle;
}

/** Fills the toolbar of a log. */
export function fillToolbar(
  toolbar: Toolbar,
  panel: LogPanel,
  trans: TranslationBundle
): void {
  const items: [string, (item: IItem) => JSX.Element][] = [
    ['log', Choice],
    ['toggles', Toggles],
    ['level', LevelChoice],
    ['filter', Filter],
    ['find', Find],
    ['download', Download]
  ];
  for (const [name, Item] of items) {
    const item = ReactWidget.create(<Item panel={panel} trans={trans} />);
    item.addClass('jlc-Log-item');
    toolbar.addItem(name, item);
  }
}

function useLook(panel: LogPanel): ILook {
  useChanged(panel.look.changed);
  return panel.look.now;
}

function Choice({ panel, trans }: IItem): JSX.Element {
  const { log, logs } = useLook(panel);
  const refresh = () => void panel.refreshLogs();
  const others = logs.some(one => one.name === log)
    ? logs
    : [{ name: log, title: logName(log, trans) }, ...logs];
  return (
    <HTMLSelect
      aria-label={trans.__('Log')}
      title={trans.__('Which log to show')}
      value={log}
      onMouseDown={refresh}
      onFocus={refresh}
      onChange={event => panel.look.set({ log: event.target.value })}
    >
      {others.map(({ name, title }) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </HTMLSelect>
  );
}

function Toggles({ panel, trans }: IItem): JSX.Element {
  const look = useLook(panel);
  const toggles: ['follow' | 'wrap' | 'times', string, string][] = [
    ['follow', trans.__('Follow'), trans.__('Stay at the end of the log')],
    ['wrap', trans.__('Wrap'), trans.__('Wrap long lines')],
    ['times', trans.__('Times'), trans.__('Show when lines were written')]
  ];
  return (
    <>
      {toggles.map(([name, label, title]) => (
        <button
          key={name}
          className="jlc-Log-button"
          aria-pressed={look[name]}
          title={title}
          onClick={() => panel.look.set({ [name]: !look[name] })}
        >
          {label}
        </button>
      ))}
    </>
  );
}

function LevelChoice({ panel, trans }: IItem): JSX.Element {
  const { level } = useLook(panel);
  const levels: [ILook['level'], string][] = [
    ['all', trans.__('All lines')],
    ['warning', trans.__('Warnings and errors')],
    ['error', trans.__('Errors')]
  ];
  return (
    <HTMLSelect
      aria-label={trans.__('Level')}
      title={trans.__('Which lines to show')}
      value={level}
      onChange={event => {
        const chosen = levels.find(([name]) => name === event.target.value);
        panel.look.set({ level: chosen?.[0] ?? 'all' });
      }}
    >
      {levels.map(([name, title]) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </HTMLSelect>
  );
}

function Filter({ panel, trans }: IItem): JSX.Element {
  const { text } = useLook(panel);
  return (
    <input
      className="jp-mod-styled jlc-Log-input"
      type="search"
      aria-label={trans.__('Show only lines with this text')}
      placeholder={trans.__('Filter')}
      value={text}
      onChange={event => panel.look.set({ text: event.target.value })}
    />
  );
}

function Find({ panel, trans }: IItem): JSX.Element {
  const { found } = useLook(panel);
  const [text, setText] = React.useState('');
  const go = (backwards: boolean) => void panel.finding.text(text, backwards);
  return (
    <>
      <input
        className="jp-mod-styled jlc-Log-input"
        type="search"
        aria-label={trans.__('Find in the log')}
        placeholder={trans.__('Find')}
        value={text}
        onChange={event => {
          setText(event.target.value);
          panel.look.set({ found: '' });
        }}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            go(event.shiftKey);
          }
        }}
      />
      <Button
        icon={caretUpEmptyThinIcon}
        label={trans.__('Find previous')}
        onClick={() => go(true)}
      />
      <Button
        icon={caretDownIcon}
        label={trans.__('Find next')}
        onClick={() => go(false)}
      />
      <Button
        icon={errorIcon}
        label={trans.__('Next error')}
        onClick={() => panel.finding.error()}
      />
      <span className="jlc-Log-found" role="status">
        {found}
      </span>
    </>
  );
}

function Download({ panel, trans }: IItem): JSX.Element {
  useLook(panel);
  const label = trans.__('Download the log');
  return (
    <a
      className="jlc-Log-button"
      href={panel.downloadUrl}
      download=""
      target="_blank"
      rel="noopener"
      aria-label={label}
      title={label}
    >
      <downloadIcon.react tag="span" />
    </a>
  );
}

function Button(props: {
  readonly icon: LabIcon;
  readonly label: string;
  readonly onClick: () => void;
}): JSX.Element {
  return (
    <button
      className="jlc-Log-button"
      aria-label={props.label}
      title={props.label}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" />
    </button>
  );
}

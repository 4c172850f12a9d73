/**
 * One cluster: its state, how many engines, Start or Stop, and why it failed.
 * Shows only what the server told; acts only through callbacks.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ellipsesIcon, runIcon, stopIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Asked, ICluster, IJob, IProfile } from '../../cluster/state';
import {
  hasSomething,
  isAtRest,
  enginesOf,
  lacksEngines,
  nameOf
} from '../../cluster/summary';
import { Cells } from './cells';
import { CountPicker } from './countpicker';
import { Failure } from './failure';
import { IdleLine } from './idle';
import { jobWords } from './jobwords';
import { LeftFile } from './leftfile';
import { SHAPES, askedWord, countWords, stateWord, stepWords } from './words';

/** What a row can ask for. */
export interface IRowActions {
  select(key: string): void;
  start(key: string, engines: number): void;
  stop(key: string): void;
  scale(key: string, engines: number): void;
  /** Remove the stale file of this mark. */
  clear(key: string, mark: string): void;
  /** It is not to be stopped for being idle now. */
  keep(key: string): void;
  openLog(key: string, log: string): void;
  showOutput(key: string): void;
  insertCode(key: string): void;
  /** Open the menu of everything else beside this element. */
  menu(key: string, beside: HTMLElement): void;
  /** The pointer went down where the client code can be dragged from. */
  drag(key: string, event: React.MouseEvent<HTMLElement>): void;
}

/** Properties of {@link Row}. */
export interface IRowProps {
  cluster: ICluster;
  /** What was asked for and is not seen yet. */
  asked: Asked | undefined;
  profile: IProfile | undefined;
  selected: boolean;
  /** Whether the Tab key reaches this row. */
  tabbable: boolean;
  cores: number;
  /** The server is out of reach: what is shown may be old. */
  stale: boolean;
  actions: IRowActions;
  trans: TranslationBundle;
}

/** A row of the list of clusters. */
export function Row(props: IRowProps): JSX.Element {
  const { cluster, asked, profile, selected, stale, actions, trans } = props;
  const { key, state } = cluster;
  const name = nameOf(cluster);
  const word = stateWord(cluster, trans);
  const mod = cluster.degraded ? 'degraded' : state;
  const left = cluster.stale;
  return (
    <li
      className={`jlc-Row${selected ? ' jlc-mod-selected' : ''}`}
      data-key={key}
      tabIndex={props.tabbable ? 0 : -1}
      aria-label={name}
      aria-current={selected ? 'true' : undefined}
      onClick={() => actions.select(key)}
      onFocus={event =>
        event.target === event.currentTarget && actions.select(key)
      }
      onContextMenu={() => actions.select(key)}
    >
      <div className="jlc-Row-head">
        <span className={`jlc-State jlc-mod-${mod}`} title={word}>
          <span aria-hidden="true">{SHAPES[state]}</span>
        </span>
        <span className="jlc-Row-name" title={key}>
          {name}
        </span>
        {!['local', 'stock'].includes(cluster.launcher) && (
          <span className="jlc-Tag">{cluster.launcher}</span>
        )}
        {cluster.origin === 'external' && (
          <span className="jlc-Tag">{trans.__('external')}</span>
        )}
        {cluster.as_written && (
          <span className="jlc-Tag" title={cluster.as_written}>
            {trans.__('as written')}
          </span>
        )}
        <span className="jlc-Row-state">
          {asked ? askedWord(asked, trans) : word}
        </span>
        <button
          className="jp-ToolbarButtonComponent jlc-Row-menu"
          aria-label={trans.__('More actions for %1', name)}
          title={trans.__('More actions')}
          aria-haspopup="menu"
          onClick={event => {
            event.stopPropagation();
            actions.menu(key, event.currentTarget);
          }}
        >
          <ellipsesIcon.react tag="span" />
        </button>
      </div>
      <Middle {...props} />
      {selected && cluster.as_written && (
        <div className="jlc-Row-written">{cluster.as_written}</div>
      )}
      {cluster.notice && <div className="jlc-Row-notice">{cluster.notice}</div>}
      {selected && cluster.no_start && (
        <div className="jlc-Row-notice">{cluster.no_start}</div>
      )}
      {profile?.errors.map(error => (
        <div key={error.message} className="jlc-Failure">
          <div className="jlc-Failure-cause">
            {trans.__('The profile has an error: %1', error.message)}
          </div>
          {error.file && (
            <div className="jlc-Failure-hint">
              {error.line
                ? trans.__('%1, line %2', error.file, error.line)
                : error.file}
            </div>
          )}
        </div>
      ))}
      {cluster.failure && (
        <Failure
          failure={cluster.failure}
          trans={trans}
          onShowOutput={() => actions.showOutput(key)}
          onOpenLog={log => actions.openLog(key, log)}
        />
      )}
      {left && (
        <LeftFile
          file={left}
          disabled={stale}
          trans={trans}
          onClear={() => actions.clear(key, left.mark)}
        />
      )}
      {cluster.unreachable && (
        <LeftFile file={cluster.unreachable} disabled trans={trans} />
      )}
      <Controls {...props} stale={stale} />
    </li>
  );
}

/** What goes on: progress while starting, cells and counts while running. */
function Middle(props: IRowProps): JSX.Element | null {
  const { cluster, trans } = props;
  const { state, engines, wanted } = cluster;
  if (state === 'stopped' || (state === 'failed' && engines.launched === 0)) {
    return null;
  }
  const step = stepWords(cluster, trans);
  return (
    <div className="jlc-Row-middle">
      {state === 'starting' && (
        <div
          className="jlc-Progress"
          role="progressbar"
          aria-label={trans.__('Engines registered')}
          aria-valuemin={0}
          aria-valuemax={Math.max(1, wanted)}
          aria-valuenow={Math.min(engines.registered, wanted)}
        >
          <div
            className="jlc-Progress-bar"
            style={{
              width: `${(100 * engines.registered) / Math.max(1, wanted)}%`
            }}
          />
        </div>
      )}
      <Cells cluster={cluster} />
      {!(cluster.step === 'queue' && cluster.job) && (
        <div className="jlc-Row-counts">
          {step || countWords(cluster, trans)}
        </div>
      )}
      {cluster.job && <JobLine job={cluster.job} trans={trans} />}
      {cluster.idle && (
        <IdleLine
          idle={cluster.idle}
          name={nameOf(cluster)}
          disabled={props.stale}
          trans={trans}
          onKeep={() => props.actions.keep(cluster.key)}
        />
      )}
    </div>
  );
}

/** The batch job that the engines run in, or wait for. */
function JobLine(props: { job: IJob; trans: TranslationBundle }): JSX.Element {
  const { text, warning } = jobWords(props.job, Date.now(), props.trans);
  return (
    <div className={`jlc-Row-job${warning ? ' jlc-mod-warning' : ''}`}>
      {warning && <span aria-hidden="true">⚠ </span>}
      {text}
    </div>
  );
}

/** The count of engines and the button. */
function Controls(props: IRowProps): JSX.Element | null {
  const { cluster, profile, cores, stale, actions, trans } = props;
  const { key, state, capabilities } = cluster;
  const [chosen, choose] = React.useState<number | null>(null);
  // Whoever started it elsewhere starts and scales it; from here it can be stopped.
  const ours = cluster.origin === 'ours';
  const name = nameOf(cluster);
  const atRest = isAtRest(cluster);
  const { no_start, no_stop } = cluster;
  const count = (atRest ? chosen : null) ?? cluster.wanted;
  const own = enginesOf(profile);
  return (
    <div
      className="jlc-Row-controls"
      onClick={event => event.stopPropagation()}
    >
      {ours && (
        <CountPicker
          value={count}
          cores={cores}
          ofProfile={own}
          most={cluster.max_engines}
          label={trans.__('Engines of %1', name)}
          disabled={
            stale ||
            no_start !== null ||
            state === 'stopping' ||
            (!atRest && capabilities.scale === 'none')
          }
          trans={trans}
          onPick={engines =>
            atRest ? choose(engines) : actions.scale(key, engines)
          }
        />
      )}
      {atRest && (
        <button
          className="jp-Button jp-mod-styled jp-mod-accept jlc-Button"
          disabled={stale || no_start !== null}
          title={no_start ?? undefined}
          onClick={() => {
            choose(null);
            actions.start(key, count);
          }}
        >
          <runIcon.react tag="span" className="jlc-Button-icon" />
          {state === 'failed' ? trans.__('Try again') : trans.__('Start')}
        </button>
      )}
      {lacksEngines(cluster) && (
        <button
          className="jp-Button jp-mod-styled jlc-Button"
          disabled={stale || no_start !== null}
          title={no_start ?? trans.__('Start the engines that are missing')}
          onClick={() => actions.scale(key, cluster.wanted)}
        >
          {cluster.failure ? trans.__('Try again') : trans.__('Replace lost')}
        </button>
      )}
      {(hasSomething(cluster) || state === 'stopping') && (
        <button
          className="jp-Button jp-mod-styled jp-mod-reject jlc-Button"
          disabled={stale || no_stop !== null || state === 'stopping'}
          title={no_stop ?? undefined}
          onClick={() => actions.stop(key)}
        >
          <stopIcon.react tag="span" className="jlc-Button-icon" />
          {trans.__('Stop')}
        </button>
      )}
      {state === 'running' && (
        <button
          className="jlc-Snippet"
          title={trans.__(
            'Click to insert the code that connects into the notebook, or drag it there'
          )}
          onMouseDown={event => actions.drag(key, event)}
          onClick={() => actions.insertCode(key)}
        >
          {trans.__('Insert code')}
        </button>
      )}
    </div>
  );
}

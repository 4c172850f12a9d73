/**
 * What is filled in, between drawings: the form or the preview of it, and what
 * the profile suggests until the person says otherwise.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { ILauncherModel, IPreview, IProfile } from '../../cluster/state';
import type { IHostTesting } from '../../tokens';
import { beyond, chosen, withNamedHosts } from '../options/chosen';
import { hasHosts } from '../options/schema';
import { Preview } from '../preview/preview';
import type { IDraft, IRefusal } from './draft';
import { faults, refusalOf } from './draft';
import { Form } from './form';
import type { LastChoices } from './suggestions';
import { Suggestions } from './suggestions';
import '../../../style/newcluster.css';

/** What is asked for when the form is done. */
export interface IWanted extends IDraft {
  /** All options, also those that hold without a word here. */
  readonly whole: Readonly<Record<string, unknown>>;
  /** All options for the profile, when they are to be remembered there and are not its own already. */
  readonly forProfile: Readonly<Record<string, unknown>> | null;
}

/** What the dialog is given. */
export interface INewClusterOptions {
  profiles: readonly IProfile[];
  launchers: readonly ILauncherModel[];
  cores: number;
  /** What was chosen the last time. */
  last?: LastChoices;
  /** Tests hosts; whoever gives it disposes of it. */
  hosts: IHostTesting;
  trans: TranslationBundle;
  /** Define it, and start it if asked to; rejects with what the server has against it. */
  create(wanted: IWanted, start: boolean): Promise<void>;
  /** What a start would do; rejects likewise. */
  preview(wanted: IWanted): Promise<IPreview>;
  copy(text: string): void;
}

/** The body of the dialog. */
export class Body extends ReactWidget {
  constructor(private readonly _options: INewClusterOptions) {
    super();
    const { launchers, profiles, cores, last } = _options;
    this._suggestions = new Suggestions(profiles, launchers, cores, last);
    this._draft = this._suggestions.first();
  }

  /** Whether it can be meant; says what is missing where it cannot. */
  complete(): boolean {
    const { options, profile } = this._draft;
    const launcher = this._launcher();
    const ofProfile = this._ofProfile();
    if (
      launcher &&
      hasHosts(launcher.options) &&
      withNamedHosts(options) === null &&
      !('hosts' in ofProfile) &&
      !this._suggestions.asWritten(profile, launcher.name)
    ) {
      const message = this._options.trans.__('Name at least one host.');
      this._refuse({ message, field: 'options', path: ['hosts', '0'] });
      return false;
    }
    return faults(this._draft).size === 0;
  }

  /** Whether the server took it. */
  async create(start: boolean): Promise<boolean> {
    return this._asked(() => this._options.create(this._wanted(), start));
  }

  /** Show what would be done instead of the form. */
  async preview(): Promise<boolean> {
    return this._asked(async () => {
      this._preview = await this._options.preview(this._wanted());
    });
  }

  /** Whether a key is for a part of the form: Enter on one of its buttons is not *Create and Start*. */
  owns(event: KeyboardEvent): boolean {
    const { key, target } = event;
    if (!(target instanceof Element) || !this.node.contains(target)) {
      return false;
    }
    const part =
      key === 'Enter' ? 'button, summary, .jlc-HostsTable' : '.jlc-HostKey';
    return ['Enter', 'Escape'].includes(key) && target.closest(part) !== null;
  }

  protected render(): JSX.Element {
    const { launchers, profiles, hosts, copy, trans } = this._options;
    if (this._preview) {
      return (
        <div className="jlc-NewCluster">
          <button
            type="button"
            className="jp-Button jp-mod-styled jlc-NewCluster-back"
            ref={button => button?.focus()}
            onClick={() => {
              this._preview = null;
              this.update();
            }}
          >
            {trans.__('Back to the form')}
          </button>
          {this._refusal && (
            <div className="jlc-NewCluster-fault" role="alert">
              {this._refusal.message}
            </div>
          )}
          <Preview preview={this._preview} copy={copy} trans={trans} />
        </div>
      );
    }
    return (
      <Form
        draft={this._draft}
        profiles={profiles}
        launchers={launchers}
        hosts={hosts}
        refusal={this._refusal}
        trans={trans}
        onChange={part => {
          // Merged here: two changes may come before the next drawing.
          this._draft = this._suggestions.changed(this._draft, part);
          this._refusal = null;
          this.update();
        }}
      />
    );
  }

  private _launcher(): ILauncherModel | undefined {
    const { launchers } = this._options;
    return launchers.find(one => one.name === this._draft.launcher);
  }

  /** The options that hold without a word here. */
  private _ofProfile(): Readonly<Record<string, unknown>> {
    const { profile, launcher } = this._draft;
    return this._suggestions.optionsOf(profile, launcher);
  }

  private _wanted(): IWanted {
    const { options, launcher, profile, engines, remember } = this._draft;
    const said = beyond(
      options,
      this._ofProfile(),
      this._launcher()?.options ?? {}
    );
    const known =
      Object.keys(said).length === 0 &&
      this._suggestions.launcherOf(profile) === launcher &&
      this._suggestions.enginesOf(profile, options) === engines;
    const whole = chosen(options);
    const forProfile = remember && !known ? whole : null;
    return { ...this._draft, options: said, whole, forProfile };
  }

  private async _asked(ask: () => Promise<void>): Promise<boolean> {
    try {
      await ask();
      this._refusal = null;
      this.update();
      return true;
    } catch (error) {
      this._refuse(refusalOf(error));
      return false;
    }
  }

  private _refuse(refusal: IRefusal): void {
    this._refusal = refusal;
    if (refusal.field !== null) {
      // What is to be mended is in the form.
      this._preview = null;
    }
    this.update();
  }

  private readonly _suggestions: Suggestions;
  private _draft: IDraft;
  private _preview: IPreview | null = null;
  private _refusal: IRefusal | null = null;
}

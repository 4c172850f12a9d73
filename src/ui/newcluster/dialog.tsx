/**
 * The dialog around the form. It stays open while the server has something
 * against what was filled in, so that nothing has to be typed twice.
 */
import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { ILauncherModel, IProfile } from '../../cluster/state';
import { enginesOf } from '../../cluster/summary';
import type { IHostTesting } from '../../tokens';
import type { IDraft } from './draft';
import { chosen, faults, fieldOf, onHosts } from './draft';
import { Form } from './form';
import '../../../style/newcluster.css';

/** What the dialog is given. */
export interface INewClusterOptions {
  profiles: readonly IProfile[];
  launchers: readonly ILauncherModel[];
  cores: number;
  /** Tests hosts; whoever gives it disposes of it. */
  hosts: IHostTesting;
  trans: TranslationBundle;
  /** Define it, and start it if asked to; rejects with what the server has against it. */
  create(draft: IDraft, start: boolean): Promise<void>;
}

function suggested(
  profile: string,
  profiles: readonly IProfile[]
): number | null {
  return enginesOf(profiles.find(one => one.name === profile));
}

/** Holds the draft between drawings. */
class Body extends ReactWidget {
  constructor(private readonly _options: INewClusterOptions) {
    super();
    const { launchers, profiles, cores } = _options;
    const launcher = launchers.find(one => one.available);
    this.draft = {
      profile: 'default',
      clusterId: '',
      launcher: launcher?.name ?? 'local',
      engines: suggested('default', profiles) ?? cores,
      options: {}
    };
  }

  draft: IDraft;

  refuse(error: unknown): void {
    const field =
      error instanceof Error &&
      'field' in error &&
      typeof error.field === 'string'
        ? error.field
        : null;
    const message = error instanceof Error ? error.message : String(error);
    this._refusal = { message, field: fieldOf(field) };
    this.update();
  }

  /** Whether a key is for a part of the form: Enter on one of its buttons is not *Create and Start*. */
  owns(event: KeyboardEvent): boolean {
    const { key, target } = event;
    if (!(target instanceof Element) || !this.node.contains(target)) {
      return false;
    }
    const part = key === 'Enter' ? 'button, summary' : '.jlc-HostKey';
    return ['Enter', 'Escape'].includes(key) && target.closest(part) !== null;
  }

  protected render(): JSX.Element {
    const { launchers, trans } = this._options;
    const profiles = this._options.profiles.map(one => one.name);
    return (
      <Form
        draft={this.draft}
        profiles={profiles}
        launchers={launchers}
        hosts={this._options.hosts}
        refusal={this._refusal}
        trans={trans}
        onChange={part => {
          // Merged here: two changes may come before the next drawing.
          this.draft = { ...this.draft, ...this._suggested(part), ...part };
          this._refusal = null;
          this.update();
        }}
      />
    );
  }

  /** Until a number is typed, that of the profile holds. */
  private _suggested(part: Partial<IDraft>): Partial<IDraft> {
    this._typed = this._typed || 'engines' in part;
    const draft = { ...this.draft, ...part };
    if (this._typed) {
      return {};
    }
    const { profiles, cores } = this._options;
    const engines =
      onHosts(draft.options) ?? suggested(draft.profile, profiles) ?? cores;
    return { engines };
  }

  private _typed = false;
  private _refusal: {
    message: string;
    field: keyof IDraft | null;
  } | null = null;
}

/** A dialog whose accepting buttons first ask the server. */
class NewClusterDialog extends Dialog<unknown> {
  constructor(
    private readonly _form: Body,
    private readonly _asks: INewClusterOptions
  ) {
    const { trans } = _asks;
    super({
      title: trans.__('New Cluster'),
      body: _form,
      hasClose: true,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.createButton({ label: trans.__('Create') }),
        Dialog.okButton({ label: trans.__('Create and Start') })
      ],
      defaultButton: 2
    });
  }

  override handleEvent(event: Event): void {
    const key = event instanceof KeyboardEvent && event.type === 'keydown';
    if (!key || !this._form.owns(event)) {
      super.handleEvent(event);
    }
  }

  override resolve(index?: number): void {
    const at = index ?? 2;
    if (at === 0 || this.isDisposed) {
      super.resolve(at);
      return;
    }
    const { draft } = this._form;
    if (this._asking || faults(draft).size > 0) {
      return;
    }
    this._asking = true;
    this._asks
      .create({ ...draft, options: chosen(draft.options) }, at === 2)
      .then(
        () => super.resolve(at),
        error => this._form.refuse(error)
      )
      .finally(() => {
        this._asking = false;
      });
  }

  private _asking = false;
}

/** Show the dialog; resolves when it is closed. */
export async function newCluster(options: INewClusterOptions): Promise<void> {
  const dialog = new NewClusterDialog(new Body(options), options);
  dialog.addClass('jlc-NewClusterDialog');
  await dialog.launch();
}

/** What the commands of clusters do: they ask before work would be lost. */
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import type { ICluster } from '../cluster/state';
import { busyLost, nameOf } from '../cluster/summary';
import type { IClusters } from '../tokens';
import { followStart } from './notices';

/** Every verb throws what the server refused. */
export class Acting {
  constructor(
    private readonly _registry: CommandRegistry,
    private readonly _clusters: IClusters,
    private readonly _trans: TranslationBundle
  ) {}

  /** Starts it, and says how that ends to those who do not look. */
  async start(cluster: ICluster, engines?: number): Promise<void> {
    await this._clusters.start(cluster.key, engines);
    followStart(this._clusters, cluster.key, this._registry, this._trans);
  }

  /** Asks for the number if there is none. */
  async scale(cluster: ICluster, engines?: number): Promise<void> {
    const wanted = engines ?? (await this._number(cluster));
    if (wanted === null || !(await this._mayLose(cluster, wanted))) {
      return;
    }
    try {
      await this._clusters.scale(cluster.key, wanted);
    } catch (error) {
      if (!needsRestart(error)) {
        throw error;
      }
      if (await this._mayReplace(cluster)) {
        await this._clusters.scale(cluster.key, wanted, true);
      }
    }
  }

  /** Stops it; asks first when engines are busy. */
  async stop(cluster: ICluster): Promise<void> {
    if (await this._mayEnd(cluster)) {
      await this._clusters.stop(cluster.key);
    }
  }

  /** Removes it from the list, when that is sure. */
  async forget(cluster: ICluster): Promise<void> {
    const trans = this._trans;
    const sure = await this._sure(
      trans.__('Forget %1?', nameOf(cluster)),
      trans.__(
        'Its logs and its options are removed. The profile and its files stay.'
      ),
      trans.__('Forget')
    );
    if (sure) {
      await this._clusters.forget(cluster.key);
    }
  }

  /** Removes its stale file: the one of `mark`, or the one shown now. */
  async clear({ key, stale }: ICluster, mark?: string): Promise<void> {
    const which = mark ?? stale?.mark;
    if (which !== undefined) {
      await this._clusters.clear(key, which);
    }
  }

  private async _number(cluster: ICluster): Promise<number | null> {
    const trans = this._trans;
    const asked = await InputDialog.getNumber({
      title: trans.__('Scale %1', nameOf(cluster)),
      label: trans.__('Number of engines'),
      value: cluster.wanted,
      okLabel: trans.__('Scale')
    });
    const value = asked.button.accept ? asked.value : null;
    return value !== null && Number.isInteger(value) && value >= 0
      ? value
      : null;
  }

  private async _mayLose(cluster: ICluster, engines: number): Promise<boolean> {
    const busy = busyLost(cluster, engines);
    const trans = this._trans;
    return (
      busy === 0 ||
      this._sure(
        trans.__('Stop engines that are at work?'),
        trans._n(
          'Scaling %2 to %3 stops %1 engine that is busy; what it computes is lost.',
          'Scaling %2 to %3 stops %1 engines that are busy; what they compute is lost.',
          busy,
          nameOf(cluster),
          engines
        ),
        trans.__('Scale Down')
      )
    );
  }

  private async _mayReplace(cluster: ICluster): Promise<boolean> {
    const trans = this._trans;
    return this._sure(
      trans.__('Replace all engines?'),
      trans.__(
        'With this launcher the number of engines of %1 can only be changed by stopping them all and starting new ones.',
        nameOf(cluster)
      ),
      trans.__('Replace')
    );
  }

  private async _mayEnd(cluster: ICluster): Promise<boolean> {
    const trans = this._trans;
    const { busy, launched } = cluster.engines;
    const name = nameOf(cluster);
    const all = trans._n('%1 engine', '%1 engines', launched);
    return (
      busy === 0 ||
      this._sure(
        trans.__('Stop %1?', name),
        trans._n(
          '%1 engine of %2 is busy (of %3); what it computes is lost.',
          '%1 engines of %2 are busy (of %3); what they compute is lost.',
          busy,
          name,
          all
        ),
        trans.__('Stop')
      )
    );
  }

  private async _sure(
    title: string,
    body: string,
    label: string
  ): Promise<boolean> {
    const trans = this._trans;
    const answer = await showDialog({
      title,
      body,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label })
      ]
    });
    return answer.button.accept;
  }
}

function needsRestart(error: unknown): boolean {
  return (
    error instanceof Error &&
    'reason' in error &&
    error.reason === 'restart-needed'
  );
}

/**
 * Rows by key, kept up to date by snapshots and changes. Whole values are
 * merged shallowly; an unchanged row stays the same object.
 */
import type { Row } from './source';

/** Rows of one state topic. */
export class Rows<M extends object, K extends string | number> {
  /**
   * @param keyName - the field that names a row
   * @param complete - makes a model of a whole row, or null when it is none
   */
  constructor(
    private readonly keyName: string,
    private readonly complete: (row: Row) => M | null,
    private readonly order?: (a: M, b: M) => number
  ) {}

  /** All models, in order; the same array until something changes. */
  get all(): readonly M[] {
    if (!this._all) {
      const models = [...this._models.values()];
      this._all = this.order ? models.sort(this.order) : models;
    }
    return this._all;
  }

  get(key: K): M | undefined {
    return this._models.get(key);
  }

  /** Take everything anew; returns the keys that changed. */
  snapshot(rows: readonly Row[]): K[] {
    const before = this._models;
    this._models = new Map();
    this._all = null;
    const changed = new Set<K>(before.keys());
    for (const row of rows) {
      const key = row[this.keyName] as K;
      const model = this.complete(row);
      if (model) {
        this._models.set(key, model);
        changed.add(key);
      }
    }
    return [...changed];
  }

  /** Take what changed; returns the keys that changed. */
  changes(rows: readonly Row[]): K[] {
    const changed = new Set<K>();
    for (const row of rows) {
      const key = row[this.keyName] as K;
      if (row.gone === true) {
        this._models.delete(key);
      } else {
        const merged = this.complete({ ...this._models.get(key), ...row });
        if (merged) {
          this._models.set(key, merged);
        }
      }
      changed.add(key);
    }
    this._all = null;
    return [...changed];
  }

  private _models = new Map<K, M>();
  private _all: readonly M[] | null = null;
}

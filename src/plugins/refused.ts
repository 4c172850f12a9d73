/** Says why something that a person asked for could not be done. */
import { Notification } from '@jupyterlab/apputils';

/** As a notice that goes by itself. */
export function refused(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  Notification.error(why, { autoClose: 8000 });
}

/** Says why something that a person asked for could not be done. */
import { Notification } from '@jupyterlab/apputils';

/** As a notice that goes by itself; `what` it was asked of stands before. */
export function refused(error: unknown, what?: string): void {
  const why = error instanceof Error ? error.message : String(error);
  Notification.error(what ? `${what}: ${why}` : why, { autoClose: 8000 });
}

/** Pointer and drag events that the test's DOM lacks; import before what uses them. */
Object.assign(globalThis, { PointerEvent: MouseEvent, DragEvent: MouseEvent });

// The way out of the screen by keyboard: Ctrl+Alt+Shift pressed and let go, with no other key. Keys
// are told by their place, for on X11 Alt after Shift is called Meta; the flags of each event help
// where the window never saw a key go down or come up.

export type Key = Pick<KeyboardEvent, 'code' | 'key' | 'ctrlKey' | 'altKey' | 'shiftKey'>;

const CODE = /^(Control|Alt|Shift)(Left|Right)$/;

/** The right Alt key of a Korean keyboard is 한/영. */
function modifier(key: Key): string | null {
  return key.key === 'HangulMode' ? null : (CODE.exec(key.code)?.[1] ?? null);
}

const heldFlags = (key: Key) => [key.ctrlKey, key.altKey, key.shiftKey].filter(Boolean).length;

export class Chord {
  private readonly down = new Set<string>();
  private isComplete = false;

  press(key: Key): void {
    const which = modifier(key);
    if (!which) {
      this.isComplete = false;
      return;
    }
    this.down.add(which);
    if (this.down.size === 3 || heldFlags(key) === 3) this.isComplete = true;
  }

  /** True when the last of the three is let go: noVNC has then sent all three releases. */
  release(key: Key): boolean {
    const which = modifier(key);
    if (which) this.down.delete(which);
    if (heldFlags(key) === 0) this.down.clear();
    if (this.down.size > 0 || !this.isComplete) return false;
    this.isComplete = false;
    return true;
  }

  forget(): void {
    this.down.clear();
    this.isComplete = false;
  }
}

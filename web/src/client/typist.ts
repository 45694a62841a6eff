// Types a plan into the desktop at the pace of a machine's keyboard: QEMU drops what comes faster than a
// busy guest takes it. The mode is looked at before each step, and put back at the end.
import { type Plan, type SendKey, sendChord, sendStroke } from './typing';

export interface Keyboard {
  readonly sendKey: SendKey;
  readonly isConnected: boolean;
  /** The mode the desktop is taken to be in; changed by 한/영 as it goes out. */
  readonly ime: { readonly hangul: boolean };
}

/** For each stroke. */
const PACE_MS = 20;
const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

export class Typist {
  private isStopping = false;

  constructor(
    private readonly keyboard: Keyboard,
    private readonly pause: (ms: number) => Promise<void> = wait,
  ) {}

  /** Ends behind the character that is being typed. */
  stop(): void {
    this.isStopping = true;
  }

  /** Returns how much of the plan's text was typed. */
  async type(plan: Plan): Promise<number> {
    this.isStopping = false;
    const { keyboard } = this;
    const before = keyboard.ime.hangul;
    let done = 0;
    for (const step of plan.steps) {
      if (this.isStopping) break;
      if (step.hangul !== null) await this.switchTo(step.hangul);
      for (const stroke of step.strokes) {
        sendStroke(stroke, keyboard.sendKey);
        await this.pause(PACE_MS);
      }
      if (!keyboard.isConnected) return done;
      done = step.end;
    }
    // A plan's last step commits by itself; where it was stopped, a syllable may be open.
    if (this.isStopping) await this.switchTo(false);
    await this.switchTo(before);
    return this.isStopping ? done : plan.text.length;
  }

  private async switchTo(hangul: boolean): Promise<void> {
    if (this.keyboard.ime.hangul === hangul) return;
    sendChord('hangul', this.keyboard.sendKey);
    await this.pause(PACE_MS);
  }
}

import type { ReactNode } from 'react';
import { hueOf, initialOf } from '../words/desktop';

interface TileFaceProps {
  /** What the colour belongs to: the pool, so that a desktop keeps its pool's colour. */
  colorId: string;
  name: string;
  sub: string;
  state: ReactNode;
  menu?: ReactNode;
  children: ReactNode;
}

export function TileFace({ colorId, name, sub, state, menu, children }: TileFaceProps) {
  return (
    <article className="tile">
      <div className="tile-head">
        <span className={`tile-initial hue-${hueOf(colorId)}`} aria-hidden="true">
          {initialOf(name)}
        </span>
        <div className="tile-names">
          <h2 className="tile-name">{name}</h2>
          <p className="tile-sub">{sub}</p>
        </div>
        {menu}
      </div>
      <div className="tile-state">{state}</div>
      {children}
    </article>
  );
}

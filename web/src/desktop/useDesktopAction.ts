import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { callFull } from '../api/call';
import type { Desktop, DesktopAction } from '../api/types';
import { useNotices } from '../shell/notices';

export interface DesktopOrder {
  desktop: Pick<Desktop, 'id' | 'name'>;
  action: DesktopAction;
}

export function useDesktopAction() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const notices = useNotices();
  return useMutation({
    mutationFn: ({ desktop, action }: DesktopOrder) => callFull('post', '/desktops/{id}/actions', { path: { id: desktop.id }, body: { action } }),
    onSuccess: ({ status }, { desktop, action }) => {
      const words = { action: t(`action.${action}`), name: desktop.name };
      notices.done(status === 200 ? t('desktop.alreadyThere', words) : t('desktop.asked', words));
      void client.invalidateQueries({ queryKey: ['desktop'] });
      void client.invalidateQueries({ queryKey: ['operation'] });
    },
    onError: (error) => notices.failed(error),
  });
}

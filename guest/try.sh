#!/bin/bash
# guest/try.sh IMAGE.qcow2 [option]... [action]...
# Boots the image under QEMU (TCG, an overlay, nothing of the image is changed), waits for its ready line, does the
# actions, takes a picture, presses the power button and checks that the guest leaves by itself. See try.py --help.
set -euo pipefail
exec python3 "$(dirname "$0")/try.py" "$@"

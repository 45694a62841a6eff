#include "xcenter/xcenter.h"

int main(int argc, char **argv)
{
    static const struct daemon_spec spec = {
        .name = "xcenter",
        .keys = xcenter_keys,
        .config_size = sizeof(struct xcenter_config),
        .start = xcenter_start,
        .stop = xcenter_stop,
        .ready = xcenter_ready,
        .summary = xcenter_summary,
    };

    return daemon_main(argc, argv, &spec);
}

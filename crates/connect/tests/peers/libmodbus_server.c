/* A Modbus server made of libmodbus, steered by lines on standard input.
 *
 * usage: libmodbus_server tcp PORT   or   libmodbus_server rtu DEVICE
 *   float abcd|dcba|badc|cdab   prints the float at its place
 *   word ADDRESS                prints a holding register
 *   coil ADDRESS                prints a coil
 */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

static modbus_mapping_t *map;

/* The library's own modbus_set_float_abcd() and its sisters changed their meaning between releases, so the bytes are
 * laid out here: A is the most significant one, the first of a pair is the register's high byte. */
static const char *const orders[] = {"abcd", "dcba", "badc", "cdab"};

static void set(float value, int order) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint8_t bytes[4];
    for (int i = 0; i < 4; i++) bytes[i] = bits >> (24 - 8 * (orders[order][i] - 'a'));
    uint16_t *r = map->tab_registers + 100 + 2 * order;
    r[0] = bytes[0] << 8 | bytes[1];
    r[1] = bytes[2] << 8 | bytes[3];
}

static float get(const char *name) {
    int order = 0;
    while (order < 3 && strcmp(name, orders[order])) order++;
    uint16_t *r = map->tab_registers + 100 + 2 * order;
    uint8_t bytes[4] = {r[0] >> 8, r[0], r[1] >> 8, r[1]};
    uint32_t bits = 0;
    for (int i = 0; i < 4; i++) bits |= (uint32_t)bytes[i] << (24 - 8 * (orders[order][i] - 'a'));
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void answer(char *line) {
    char word[16] = "", what[16] = "";
    sscanf(line, "%15s %15s", word, what);
    if (!strcmp(word, "float")) {
        float f = get(what);
        printf("%g\n", f);
    } else if (!strcmp(word, "word")) {
        printf("%d\n", map->tab_registers[atoi(what)]);
    } else if (!strcmp(word, "coil")) {
        printf("%d\n", map->tab_bits[atoi(what)]);
    } else {
        printf("?\n");
    }
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int tcp = !strcmp(argv[1], "tcp");
    modbus_t *ctx = tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2])) : modbus_new_rtu(argv[2], 19200, 'N', 8, 1);
    map = modbus_mapping_new(100, 100, 500, 100);
    if (!ctx || !map) return 1;
    modbus_set_slave(ctx, 1);
    for (int i = 0; i < 4; i++) set(123456.0f, i);
    map->tab_registers[110] = (uint16_t)-7;
    map->tab_registers[111] = 0x0201;
    map->tab_input_registers[20] = 4711;
    map->tab_bits[30] = 1;
    map->tab_input_bits[40] = 1;
    int listener = -1, peer = -1;
    if (tcp) {
        if ((listener = modbus_tcp_listen(ctx, 1)) < 0) return 1;
    } else {
        if (modbus_connect(ctx) < 0) return 1;
        peer = modbus_get_socket(ctx);
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(0, &set);
        int most = 0;
        int watched = peer >= 0 ? peer : listener;
        if (watched >= 0) {
            FD_SET(watched, &set);
            most = watched;
        }
        if (select(most + 1, &set, NULL, NULL, NULL) < 0) return 1;
        if (FD_ISSET(0, &set)) {
            char line[64];
            if (!fgets(line, sizeof line, stdin)) return 0;
            answer(line);
        }
        if (listener >= 0 && peer < 0 && FD_ISSET(listener, &set)) {
            peer = modbus_tcp_accept(ctx, &listener);
        } else if (peer >= 0 && FD_ISSET(peer, &set)) {
            uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
            int length = modbus_receive(ctx, query);
            if (length > 0) {
                modbus_reply(ctx, query, length, map);
            } else if (length < 0 && tcp) {
                close(peer);
                peer = -1;
            }
        }
    }
}

#!/bin/sh
# Runs a program at the far end of a cable, in a network of its own. usage: on_cable.sh LINK ADDRESS/BITS PROGRAM ARGUMENT...
exec 3<&0
unshare --net sh -c 'link=$1 address=$2; shift 2
until ip link set "$link" up 2>/dev/null; do sleep 0.05; done
ip address add "$address" broadcast + dev "$link" && ip link set lo up && exec "$@"' sh "$@" <&3 &
while ip link show "$1" >/dev/null 2>&1; do ip link set "$1" netns $! 2>/dev/null || sleep 0.05; done
wait

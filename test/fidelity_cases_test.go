//go:build linux && acceptance

package test

// What a command reads and writes.
var streamCases = []fidelityCase{
	{"stdin ends", `printf x | $RUN cat`},
	{"stdin is empty", `$RUN cat </dev/null`},
	{"stdin has no end", `mkfifo open; exec 3<>open; $RUN true <&3; $RUN sh -c 'exit 3' <&3`},
	{"stdin is closed", `$RUN echo out <&-`},
	{"stderr is closed", `$RUN echo out 2>&-`},
	{"stdin is read to its end before the answer", `printf '3\n1\n2\n' | $RUN sort`},
	{"every byte on stdin and stdout", `$RUN cat <$BYTES >out; cat $BYTES | $RUN cat | sha256sum`},
	{"every byte on stderr", `$RUN sh -c 'cat >&2' <$BYTES 2>err`},
	{"both outputs at once", `$RUN sh -c 'cat "$0" >&2 & cat; wait' $BYTES <$BYTES 2>err >out`},
	{"large streams both ways at once", `head -c 40000000 /dev/zero | tr '\0' x | $RUN cat | sha256sum`},
	{"many small writes", `$RUN sh -c 'i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done'`},
	{"each write arrives by itself", `coproc $RUN sh -c 'while read -r x; do echo "<$x>"; echo "($x)" >&2; done' 2>err
		pid=$COPROC_PID to=${COPROC[1]}
		for i in 1 2 3; do echo $i >&$to; read -r answer <&${COPROC[0]}; echo "$answer"; done
		exec {to}>&-; wait $pid`},
	{"half-close: the command goes on after stdin's end", `printf x | $RUN sh -c 'cat; echo more; echo err >&2; exit 5'`},
	{"half-close: stdin goes on after stdout's end", `printf 'a\nb\n' | $RUN sh -c 'echo out; exec >&-; cat >in'`},
	{"stdout's end is seen before the command's", `$RUN sh -c 'exec >&-; until test -e seen; do sleep 0.02; done; exit 3' | { cat; echo end; touch seen; }; echo ${PIPESTATUS[0]}`},
	{"an open stdin that the command closes", `yes | $RUN sh -c 'exec <&-; echo out'; echo ${PIPESTATUS[@]}`},
	{"a stdin that is not read to its end", `head -c 50000000 /dev/zero | $RUN head -c 3 | od -c; echo ${PIPESTATUS[@]}`},

	{"stdout without a reader", `$RUN head -c 4G /dev/zero | head -c 1 | od -c; echo ${PIPESTATUS[@]}`},
	{"stdout without a reader, many lines", `$RUN yes | head -n 1; echo ${PIPESTATUS[@]}`},
	{"stdout without a reader, and SIGPIPE is ignored", `$RUN sh -c 'trap "" PIPE; cat /dev/zero 2>/dev/null; echo $? >&2' | head -c 1 | od -c; echo ${PIPESTATUS[@]}`},
	{"stdout without a reader, of a child", `$RUN sh -c 'yes; echo $? >&2; exit 4' | head -n 1; echo ${PIPESTATUS[@]}`},
	{"stderr without a reader", `$RUN sh -c 'yes >&2; echo $?; exit 4' 2>&1 >out | head -n 1; echo ${PIPESTATUS[@]}`},
	{"stdout waits for its reader, stderr does not", `mkfifo out
		$RUN sh -c 'cat "$0" & cat "$0" >&2; touch done; wait' $BYTES >out 2>err &
		exec 3<out; until test -e done; do sleep 0.02; done; sha256sum <&3; wait`},
	{"stderr waits for its reader, stdout does not", `mkfifo err
		$RUN sh -c 'cat "$0" >&2 & cat; touch done; wait' $BYTES >out 2>err &
		exec 3<err; until test -e done; do sleep 0.02; done; sha256sum <&3; wait`},
	{"outputs to one pipe keep their order", `$RUN sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done' 2>&1 | cat`},
	{"outputs to one file keep their order", `$RUN sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done' >all 2>&1`},
	{"output is added to a file", `echo a >f; $RUN echo b >>f; $RUN sh -c 'echo c >&2' 2>>f`},
	{"a background process lives on", `$RUN sh -c '(until test -e go; do sleep 0.02; done; echo late >late.new; mv late.new late) >/dev/null 2>&1 & echo early'
		touch go; until test -e late; do sleep 0.02; done`},

	{"a loop's list on stdin", `printf '1\n2\n3\n' >list; while read -r x; do $RUN echo "<$x>"; done <list`},
	{"a loop's list on stdin, read by the command too", `seq 6 >list; while read -r x; do $RUN sh -c 'read -r y; echo "$0 $y"' "$x"; done <list`},
	{"a file is left where the command left it", `seq 1000 >list; { $RUN dd bs=1 count=5 2>/dev/null; echo; cat; } <list`},
	{"a file that was read from its middle", `seq 1000 >list; { read -r x; $RUN sh -c 'read -r x; echo "$x"'; read -r x; echo "$x"; } <list`},
	{"a file that was read to its end", `seq 1000 >list; { $RUN tail -n 1; cat; echo; } <list`},
	{"a large file that was hardly read", `{ $RUN head -c 7 | od -c; head -c 7 | od -c; } <$BYTES`},
}

// How a command is called.
var argumentCases = []fidelityCase{
	{"arguments", `$RUN printf '[%s]\n' '' ' ' 'a b' $'two\nlines' $'\t' "it's" '"' '\' '$HOME $(x)' '*' - -- --help -e 'häß ☃ 日本' ''`},
	{"arguments that are no UTF-8", `$RUN printf '[%s]\n' $'\xff\xfe' $'a\x80b' $(printf '\\x%x' {1..8}) | od -c`},
	{"a long argument", `$RUN printf '%s' "$(printf %0100000d 7)" | sha256sum`},
	{"many arguments", `$RUN printf '%s,' $(seq 20000) | sha256sum`},
	{"a command by its path", `printf '#!/bin/sh\necho "$0 $#"\n' >'a b'; chmod +x 'a b'; $RUN './a b' 1 2; $RUN "$PWD/a b"`},
	{"environment", `export A='b c=d' B= C=$'two\nlines' D=$'\xff\x80'; ${RUN:+nixproxy run -e A -e B -e C -e D --} sh -c 'printf "[%s]" "$A" "${B-unset}" "$C" "$D" "${E-unset}"' | od -c`},
	{"a directory with blanks", `mkdir ' a  b '; cd ' a  b '; $RUN sh -c 'pwd; echo "$PWD"; echo x >x'`},
	{"a directory beyond ASCII", `mkdir 'häß ☃ 日本'; cd 'häß ☃ 日本'; $RUN sh -c 'pwd; echo "$PWD"; echo x >x'`},
	{"a directory of two lines", `mkdir $'two\nlines'; cd $'two\nlines'; $RUN sh -c 'pwd; echo x >x'`},
	{"a directory that is no UTF-8", `mkdir $'\xff\x80'; cd $'\xff\x80'; $RUN sh -c 'pwd; echo x >x' | od -c`},
}

// How a command ends.
var endCases = []fidelityCase{
	{"exit statuses", `for s in 0 1 2 3 7 77 100 124 125 126 127 128 129 130 143 192 254 255; do $RUN sh -c "exit $s"; echo $?; done`},
	{"the command is not there", `$RUN no-such-command 2>/dev/null; echo $?; $RUN ./no-such-file 2>/dev/null; echo $?`},
	{"the command cannot be executed", `mkdir d; touch plain; $RUN ./d 2>/dev/null; echo $?; $RUN ./plain 2>/dev/null; echo $?; $RUN /etc/passwd 2>/dev/null; echo $?`},
	{"a shell's own 126 and 127", `touch plain; $RUN sh -c './plain; exit $?' 2>/dev/null; echo $?; $RUN sh -c 'no-such-command' 2>/dev/null; echo $?`},
	// All but those that stop or do nothing, and QUIT, which some shells ignore. The caller's
	// shell tells of some in words.
	{"death by signals", `ulimit -c 0; { for n in 1 2 {4..16} {24..27} {29..31} 34 64; do $RUN sh -c "kill -$n \$\$; echo alive"; echo $n $?; done; } 2>/dev/null`},
	{"a child's death", `$RUN sh -c 'sh -c "kill -9 \$\$" 2>/dev/null; echo $?' 2>/dev/null`},
	{"a failing pipe", `$RUN false | $RUN cat; echo ${PIPESTATUS[@]}; $RUN true | $RUN sh -c 'exit 2'; echo ${PIPESTATUS[@]}`},
	{"the command's time is over", `$RUN timeout 0.2 sleep 30; echo $?`},
	{"an end while children hold the outputs", `$RUN sh -c 'sleep 30 <&0 & echo $! >pid; echo out; echo err >&2; exit 6' | head -n 1; echo ${PIPESTATUS[@]}
		$RUN sh -c 'kill -9 $(cat pid)'; rm pid`},
	{"no output, no input", `$RUN sh -c 'exec <&- >&- 2>&-; exit 9'`},
	{"one after the other", `$RUN echo 1 && $RUN false || $RUN echo 2; ! $RUN true; echo $?`},
	{"at once", `for i in 1 2 3 4 5 6 7 8; do $RUN sh -c "echo $i >f$i; exit $i" & jobs[i]=$!; done; for j in ${jobs[@]}; do wait $j; echo $?; done`},
}

// What a command does to files.
var fileCases = []fidelityCase{
	{"create", `$RUN sh -c 'echo x >x; : >empty; mkdir -p d/e; echo y >d/e/y'`},
	{"write over, add, shorten", `echo 123456 >f; echo 1 >g; echo x >h; $RUN sh -c 'echo 1 >f; echo 2 >>g; truncate -s 100 h'`},
	{"delete", `mkdir -p d/e; touch f d/e/f; $RUN rm -r f d; mkdir d; $RUN rmdir d`},
	{"modes", `touch a b c d; $RUN sh -c 'chmod 755 a; chmod 000 b; chmod 4750 c; chmod u=rw,go= d; mkdir -m 1777 t'`},
	{"links", `echo x >x; $RUN sh -c 'ln -s x to; ln -s /no/such dangling; ln x hard; ln -s . here'; readlink to; stat -c %h hard`},
	{"rename", `mkdir d; echo x >x; $RUN sh -c 'mv x d/y; mv d e'`},
	{"names", `$RUN touch ' ' $'two\nlines' 'häß ☃' -- -n; $RUN ls -1 | od -c`},
	{"what the caller made is seen at once, and the other way round", `for i in 1 2 3; do echo $i >f; $RUN cat f; $RUN sh -c "echo $i >g"; cat g; done`},
	{"a pipe by name", `mkfifo p; $RUN cat p & echo through >p; wait`},
	{"times", `touch -d '2001-02-03 04:05:06 UTC' a; $RUN touch -r a b; stat -c %Y b; $RUN stat -c %Y a`},
	{"umask", `umask 077; $RUN sh -c 'umask; touch f; mkdir d'; umask 002; $RUN touch g`},
}

# A service in a language that every guest has: answers with what it was started with.
use strict;
use IO::Socket::INET;
$| = 1;
$SIG{TERM} = sub { exit 0 };
my $server = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $ENV{PORT}, Listen => 64, ReuseAddr => 1)
    or die "can't listen on $ENV{PORT}: $!\n";
print "listening as $ENV{GREETING}\n";
while (my $client = $server->accept) {
    while (my $line = <$client>) { last if $line =~ /^\r?\n$/ }
    my $body = sprintf '{"version":"%s","key":%d,"uri":"%s"}', $ENV{GREETING}, length $ENV{KEY}, $ENV{URI} =~ s/:[^:@]+@/:...@/r;
    print $client "HTTP/1.1 $ENV{STATUS}\r\nContent-Length: ", length $body, "\r\nConnection: close\r\n\r\n$body";
    close $client;
}

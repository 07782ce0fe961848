// A running sum with a ready/valid stream on each side, written by hand for these tests.
module tally_control(
  input clk,
  input rst,
  input take,
  input give,
  output full
);
  reg [1:0] state;
  assign full = state == 2'd1;
  always_ff @(posedge clk)
    if (rst) state <= 2'd0;
    else if (take) state <= 2'd1;
    else if (give) state <= 2'd0;
endmodule

module tally(
  input clk,
  input rst,
  input item__valid,
  output item__ready,
  input [9:0] item__payload,
  output total__valid,
  input total__ready,
  output [17:0] total__payload,
  input signed [15:0] bias,
  output busy
);
  wire [1:0] kind = item__payload[9:8];
  wire signed [15:0] value = {{8{item__payload[7]}}, item__payload[7:0]};
  wire full;
  wire take = item__valid & item__ready;
  wire give = total__valid & total__ready;
  reg [1:0] last;
  reg signed [15:0] sum;
  assign item__ready = ~full | give;
  assign total__valid = full;
  assign total__payload = {last, sum + bias};
  assign busy = full;
  tally_control control(.clk(clk), .rst(rst), .take(take), .give(give), .full(full));
  always_ff @(posedge clk)
    if (rst) begin
      sum <= 16'd0;
      last <= 2'd0;
    end else if (take) begin
      last <= kind;
      case (kind)
        2'd0: sum <= sum + value;
        2'd1: sum <= sum - value;
        default: sum <= 16'd0;
      endcase
    end
endmodule
